mod certificates;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};

use motekey_cose::crypto::SignatureAlgorithm;
use motekey_cose::scope::{Aif, Method, MethodSet};

use super::*;
use crate::registry::{Audience, DeviceCredential, Party, ScopeKind, ScopeRule};

/// A key that nobody would choose.
const KEY: &str = "8f3a5c11d09be7426af0c2917e55d381";
const OTHER: &str = "27c4e90b5fd81a63384db7f60ca19e52";

/// A resource server that the rest of a file can refer to.
fn gateway() -> String {
    format!("[[resource_server]]\nname = \"gateway\"\nshared_key = \"{OTHER}\"\n")
}

fn parse(text: &str) -> Result<Configuration, ConfigurationError> {
    Configuration::parse(text, Path::new("motekey.toml"))
}

/// An empty directory of its own, gone with the value.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("motekey-config-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn nothing_is_needed() {
    let configuration = parse("").unwrap();
    assert_eq!(configuration.settings.listen, None);
    assert_eq!(configuration.settings.token_path, "/token");
    assert_eq!(configuration.registry.devices().count(), 0);
    assert_eq!(
        configuration.settings.endpoint,
        Settings::default().endpoint
    );
    assert!(configuration.warnings.is_empty());
}

#[test]
fn the_example_file_loads() {
    let directory = Directory::new("example");
    directory.write("signing.key", &format!("{KEY}{OTHER}\n"));
    directory.write("gateway.key", OTHER);
    directory.write("meter-1.key", &format!("{KEY}\n"));
    let path = directory.write(
        "motekey.toml",
        include_str!("../../../examples/motekey.toml"),
    );
    let configuration = Configuration::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let registry = &configuration.registry;
    let meter = registry.device_by_identity(b"meter-1").unwrap();
    let rule = &meter.rules[0];
    assert_eq!(&*rule.audience, "gateway");
    let ScopeRule::Aif(aif) = &rule.scope else {
        panic!("not AIF")
    };
    let wanted = Aif::new([
        ("/meters/1", MethodSet::from_iter([Method::Post])),
        ("/clock", MethodSet::from_iter([Method::Get, Method::Put])),
    ]);
    assert_eq!(*aif, wanted);
    let badge = registry
        .devices()
        .find(|device| &*device.name == "badge-7")
        .unwrap();
    assert!(matches!(
        badge.credential,
        DeviceCredential::RawPublicKey(_)
    ));
    assert_eq!(badge.rules.len(), 2);
    assert!(
        matches!(registry.audience("doors"), Some(Audience::Many { members, .. }) if members.len() == 2)
    );
    let signing = configuration.settings.signing_key.unwrap();
    assert_eq!(signing.algorithm, SignatureAlgorithm::EdDsa);
    assert_eq!(signing.key.kid(), Some(b"as-1".as_slice()));
}

/// What the comments of the example call a default is the default.
#[test]
fn the_defaults_in_the_example_are_those_of_the_code() {
    // Settings only: after the `#` of a comment comes a blank.
    let example = include_str!("../../../examples/motekey.toml")
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(comment) if comment.starts_with(' ') || comment.is_empty() => "",
            Some(setting) => setting,
            None => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let limits: String = example
        .split_once("[limits]")
        .and_then(|(_, rest)| rest.split_once("[["))
        .map(|(limits, _)| format!("listen = \"127.0.0.1:5684\"\n[limits]{limits}"))
        .unwrap();
    let said = parse(&limits).unwrap().settings;
    assert_eq!(said.endpoint, Settings::default().endpoint);
    assert_eq!(
        said.max_issued_tokens,
        Settings::default().max_issued_tokens
    );
    let gateway: String = example
        .split_once("name = \"gateway\"\n")
        .and_then(|(_, rest)| rest.split_once("[["))
        .map(|(lines, _)| lines.replace("shared_key_file = \"gateway.key\"", ""))
        .unwrap();
    assert!(
        gateway.contains("\ntoken_lifetime_seconds = 3600"),
        "{gateway}"
    );
    let said = parse(&format!("{}{gateway}", self::gateway()))
        .unwrap()
        .registry;
    let default = parse(&self::gateway()).unwrap().registry;
    let record =
        |registry: &Registry| format!("{:?}", registry.resource_server("gateway").unwrap());
    assert_eq!(record(&said), record(&default));
}

#[test]
fn sessions_of_resource_servers_and_states_of_devices_arrive() {
    let session = "5be1094c77d2a63f18c9be0475f32d6a";
    let with = |lines: &str| format!("{}{lines}", gateway());
    let own = with(&format!("session_key = \"{session}\"\n"));
    let named = with(&format!(
        "session_identity = \"hex:0a0b\"\nsession_key = \"{session}\"\n"
    ));
    for (text, identity) in [(own, &b"gateway"[..]), (named, &[0x0a, 0x0b])] {
        let registry = parse(&text).unwrap().registry;
        let party = registry.party_by_identity(identity);
        assert!(
            matches!(party, Some(Party::ResourceServer(record)) if &*record.name == "gateway"),
            "{identity:02x?}"
        );
    }
    let refused = parse(&with("session_identity = \"gw\"\n")).err().unwrap();
    assert!(
        refused.text.contains("without session_key_file"),
        "{refused}"
    );
    let both = with(&format!("session_key = \"{OTHER}\"\n"));
    let refused = parse(&both).err().unwrap();
    assert!(refused.text.contains("need a key each"), "{refused}");
    let device = format!(
        "[[device]]\nname = \"ops\"\nkey = \"{session}\"\ndisabled = true\nadministrator = true\n"
    );
    let registry = parse(&device).unwrap().registry;
    let device = registry.device("ops").unwrap();
    assert!(device.disabled && device.administrator);
}

#[test]
fn d22_a_derivation_key_arrives_and_has_no_other_use() {
    let with = |key: &str| format!("{}derivation_key = \"{key}\"\n", gateway());
    let registry = parse(&with(KEY)).unwrap().registry;
    let gateway = registry.resource_server("gateway").unwrap();
    let derivation = gateway.derivation_key.as_ref().unwrap();
    assert_eq!(derivation.expose().len(), 16);
    assert_ne!(
        Some(derivation),
        gateway.shared_key.as_ref().map(|shared| &shared.key)
    );
    let error = parse(&with(OTHER)).err().unwrap().to_string();
    assert!(error.contains("derivation need a key each"), "{error}");
    assert!(!error.contains(OTHER), "{error}");
}

#[test]
fn every_setting_of_a_resource_server_arrives() {
    let text = format!(
        "[[resource_server]]\nname = \"pump\"\naudience = \"pumps\"\nshared_key = \"{KEY}\"\n\
         shared_key_id = \"hex:0a0b\"\nshared_key_algorithm = \"A128GCM\"\nscope_kind = \"text\"\n\
         token_lifetime_seconds = 60\nclockless = true\nprofiles = [\"coap_oscore\", \"coap_dtls\"]\n\
         pop_keys = [\"P-256\"]\ntoken_tags = \"cwt_and_cose\"\ntoken_headers = \"protected\"\nsubject_in_token = false\n\
         [[device]]\nname = \"meter\"\nidentity = \"hex:00ff\"\nkey = \"{OTHER}\"\nallow = {{ pumps = [\"read write\", \"read\"] }}\n"
    );
    let registry = parse(&text).unwrap().registry;
    let pump = registry.resource_server("pump").unwrap();
    let shared = pump.shared_key.as_ref().unwrap();
    assert_eq!(&*pump.audience, "pumps");
    assert_eq!(shared.key_id.as_deref(), Some([0x0a, 0x0b].as_slice()));
    assert_eq!(shared.algorithm.to_cose(), 1);
    assert_eq!(pump.scope_kind, ScopeKind::Text);
    assert_eq!(
        (pump.token_lifetime, pump.clockless, pump.subject_in_token),
        (60, true, false)
    );
    assert_eq!(pump.profiles, [2, 1]);
    assert_eq!(
        (
            pump.pop_keys.symmetric,
            pump.pop_keys.p256,
            pump.pop_keys.ed25519
        ),
        (false, true, false)
    );
    let meter = registry.device_by_identity(&[0x00, 0xff]).unwrap();
    assert!(matches!(&meter.rules[0].scope, ScopeRule::Text(words) if words.len() == 2));
}

#[test]
fn limits_arrive_and_have_ranges() {
    let text = "[limits]\nmax_sessions = 10\nmax_half_open_sessions = 11\nmax_sessions_per_source = 12\n\
                max_half_open_sessions_per_source = 13\nhandshake_time_limit_seconds = 5\nmax_issued_tokens = 7\n";
    let settings = parse(text).unwrap().settings;
    assert_eq!(settings.endpoint.max_sessions, 10);
    assert_eq!(settings.endpoint.max_half_open, 11);
    assert_eq!(settings.endpoint.max_sessions_per_source, 12);
    assert_eq!(settings.endpoint.max_half_open_per_source, 13);
    assert_eq!(settings.endpoint.handshake_time_limit.as_secs(), 5);
    assert_eq!(settings.max_issued_tokens, 7);
}

#[test]
fn the_link_profile_sets_timers_and_connection_ids_that_single_settings_override() {
    for (text, ack_millis, flight_seconds, limit_seconds, id_bytes) in [
        ("", 2000, 1, 60, 8),
        ("link = \"cellular\"\n", 10_000, 9, 150, 8),
        ("link = \"slow_radio\"\n", 30_000, 30, 300, 4),
        (
            "link = \"slow_radio\"\nconnection_id_bytes = 0\n[limits]\nhandshake_time_limit_seconds = 99\n\
             acknowledgement_timeout_milliseconds = 500\n",
            500,
            30,
            99,
            0,
        ),
    ] {
        let settings = parse(text).unwrap().settings;
        let (endpoint, dtls) = (&settings.endpoint, settings.dtls());
        assert_eq!(endpoint.ack_timeout.as_millis(), ack_millis, "{text}");
        assert_eq!(dtls.flight_interval.as_secs(), flight_seconds, "{text}");
        assert_eq!(dtls.handshake_time_limit.as_secs(), limit_seconds, "{text}");
        assert_eq!(dtls.connection_id_length, id_bytes, "{text}");
    }
    let settings = parse("link = \"cellular\"\nconnection_id_bytes = 1\n").unwrap();
    assert_eq!(
        settings.settings.changes(&Settings::default()),
        ["link", "connection_id_bytes", "limits"]
    );
}

#[test]
fn settings_that_differ_are_named() {
    let text = format!(
        "listen = \"127.0.0.1:1\"\n[authorization_server]\nsigning_key = \"{KEY}{OTHER}\"\n[limits]\nmax_sessions = 9\n"
    );
    let settings = parse(&text).unwrap().settings;
    assert!(settings.changes(&parse(&text).unwrap().settings).is_empty());
    assert_eq!(
        settings.changes(&Settings::default()),
        ["listen", "signing_key", "limits"]
    );
}

#[cfg(unix)]
#[test]
fn files_with_secrets_that_others_can_read_are_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("modes");
    let chmod =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let key = directory.write("meter.key", KEY);
    let path = directory.write(
        "motekey.toml",
        &format!(
            "{}[[device]]\nname = \"meter\"\nkey_file = \"meter.key\"\n",
            gateway()
        ),
    );
    chmod(&key, 0o640);
    chmod(&path, 0o600);
    let wanted = format!(
        "{0} holds secrets and its mode 0640 lets others reach them; next: chmod 600 {0}",
        key.display()
    );
    assert_eq!(Configuration::load(&path).unwrap().warnings, [wanted]);
    chmod(&path, 0o644);
    assert_eq!(Configuration::load(&path).unwrap().warnings.len(), 2);
    chmod(&key, 0o600);
    chmod(&path, 0o600);
    assert!(Configuration::load(&path).unwrap().warnings.is_empty());
}

#[test]
fn a_key_that_reads_as_text_is_warned_about() {
    // "correct horse battery"
    let key = "636f727265637420686f7273652062617474657279";
    let configuration = parse(&format!("[[device]]\nname = \"meter\"\nkey = \"{key}\"\n")).unwrap();
    let said =
        "meter: the key reads as text, which others can guess; make one with: openssl rand -hex 16";
    assert!(
        configuration.warnings.iter().any(|warning| warning == said),
        "{:?}",
        configuration.warnings
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Configuration::load(Path::new("/nonexistent/motekey.toml"))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "/nonexistent/motekey.toml: No such file or directory (os error 2)"
    );
}

#[test]
fn the_key_pair_of_the_server_is_read() {
    let text = format!(
        "[authorization_server]\nkey_pair = \"{}\"\n",
        "07".repeat(32)
    );
    let settings = Configuration::parse(&text, Path::new("motekey.toml"))
        .unwrap()
        .settings;
    let wanted = motekey_coap::dtls::KeyPair::p256(&[7; 32]).unwrap();
    assert_eq!(settings.key_pair, Some(wanted));
    for (key, bytes) in [("00".repeat(32), 32), ("07".repeat(16), 16)] {
        let text = format!("[authorization_server]\nkey_pair = \"{key}\"\n");
        let error = Configuration::parse(&text, Path::new("motekey.toml"))
            .err()
            .unwrap();
        assert_eq!(error.line, Some(2));
        assert!(
            error
                .text
                .contains(&format!("{bytes} bytes, wanted a P-256")),
            "{error}"
        );
    }
}
