use motekey_coap::dtls::PreSharedKey;

use super::*;

fn credential(key: u8) -> ClientCredential {
    ClientCredential::PreSharedKey {
        identity: b"meter-1".to_vec(),
        key: PreSharedKey::new(vec![key; 16]),
    }
}

fn authorization_server(uri: &str, key: u8) -> AuthorizationServer {
    AuthorizationServer::new(uri, credential(key)).unwrap()
}

fn origin(uri: &str) -> Origin {
    Target::parse(uri).unwrap().origin
}

fn servers(authorization_servers: &[(&str, u8)], resource_servers: Vec<ResourceServer>) -> Servers {
    Servers {
        authorization_servers: authorization_servers
            .iter()
            .map(|(uri, key)| authorization_server(uri, *key))
            .collect(),
        resource_servers,
    }
}

#[test]
fn f04_hints_that_name_another_authorization_server_stop_the_client() {
    let servers = servers(
        &[
            ("coaps://as1.example.com", 1),
            ("coaps://as2.example.com/oauth", 2),
        ],
        vec![
            ResourceServer::new("coaps://rs1.example.com")
                .unwrap()
                .issued_by("coaps://as1.example.com")
                .unwrap(),
            ResourceServer::new("coaps://rs2.example.com")
                .unwrap()
                .issued_by("coaps://as2.example.com/oauth")
                .unwrap(),
        ],
    );
    servers.check().unwrap();
    let cases = [
        (
            "coaps://rs1.example.com",
            "coaps://as1.example.com/token",
            true,
        ),
        (
            "coaps://rs1.example.com",
            "coap://AS1.example.com/token",
            true,
        ),
        ("coaps://rs1.example.com", "coaps://as1.example.com", true),
        // Configured, but not for this resource server.
        (
            "coaps://rs1.example.com",
            "coaps://as2.example.com/oauth",
            false,
        ),
        (
            "coaps://rs2.example.com",
            "coaps://as2.example.com/oauth",
            true,
        ),
        (
            "coaps://rs2.example.com",
            "coaps://as2.example.com/token",
            false,
        ),
        (
            "coaps://rs1.example.com",
            "coaps://evil.example.com/token",
            false,
        ),
        (
            "coaps://rs1.example.com",
            "coaps://as1.example.com:6000/token",
            false,
        ),
        ("coaps://rs1.example.com", "not a uri", false),
        ("coaps://rs1.example.com", "", false),
    ];
    for (resource_server, hinted, allowed) in cases {
        let origin = origin(resource_server);
        let issuer = servers
            .issuer(servers.resource_server(&origin).unwrap())
            .unwrap();
        let result = servers.check_hinted(&origin, issuer, hinted);
        assert_eq!(result.is_ok(), allowed, "{resource_server} {hinted}");
        assert!(allowed || matches!(result, Err(Error::ForeignAuthorizationServer { .. })));
    }
}

#[test]
fn f04_resource_servers_that_are_not_configured_get_no_token_request() {
    let own = ResourceServer::new("coaps://rs1.example.com/ignored")
        .unwrap()
        .audience("one");
    let closed = servers(&[("coaps://as.example.com", 1)], vec![own.clone()]);
    assert!(
        closed
            .resource_server(&origin("coaps://rs1.example.com:5684"))
            .is_ok()
    );
    for other in ["coaps://rs2.example.com", "coaps://rs1.example.com:5683"] {
        assert!(
            matches!(
                closed.resource_server(&origin(other)),
                Err(Error::NotConfigured { .. })
            ),
            "{other}"
        );
    }
    // The entry for all covers the others, whatever the order.
    let open = servers(
        &[("coaps://as.example.com", 1)],
        vec![ResourceServer::any(), own],
    );
    let audience = |uri| open.resource_server(&origin(uri)).unwrap().audience.clone();
    assert_eq!(audience("coaps://rs1.example.com").as_deref(), Some("one"));
    assert_eq!(audience("coaps://rs2.example.com"), None);
}

#[test]
fn f72_two_authorization_servers_with_one_key_are_refused() {
    let shared = servers(
        &[
            ("coaps://as1.example.com", 1),
            ("coaps://as2.example.com", 1),
        ],
        Vec::new(),
    );
    assert!(matches!(shared.check(), Err(Error::Configuration(_))));
    let own = servers(
        &[
            ("coaps://as1.example.com", 1),
            ("coaps://as2.example.com", 2),
        ],
        Vec::new(),
    );
    assert_eq!(own.check(), Ok(()));
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let any = || vec![ResourceServer::any()];
    let foreign = ResourceServer::any()
        .issued_by("coaps://as9.example.com")
        .unwrap();
    let mut no_key = servers(&[("coaps://as1.example.com", 1)], any());
    no_key.authorization_servers[0].credential = ClientCredential::PreSharedKey {
        identity: b"m".to_vec(),
        key: PreSharedKey::new(Vec::new()),
    };
    let cases = [
        servers(&[], any()),
        no_key,
        servers(&[("coaps://as1.example.com", 1)], vec![foreign]),
        // Which of the two?
        servers(
            &[
                ("coaps://as1.example.com", 1),
                ("coaps://as2.example.com", 2),
            ],
            any(),
        ),
    ];
    for case in cases {
        assert!(
            matches!(case.check(), Err(Error::Configuration(_))),
            "{case:?}"
        );
    }
}

#[test]
fn no_debug_output_has_key_bytes() {
    let text = format!(
        "{:?}",
        servers(&[("coaps://as1.example.com", 0x42)], Vec::new())
    );
    assert!(!text.contains("66, 66"), "{text}");
}

#[test]
fn the_times_of_a_link_leave_room_for_its_repetitions() {
    for (profile, seconds) in [
        (LinkProfile::Wired, [60, 20, 25]),
        (LinkProfile::Cellular, [540, 150, 120]),
        (LinkProfile::SlowRadio, [1094, 300, 247]),
    ] {
        let timers = Timers::for_link(profile);
        let limits = [timers.call, timers.handshake, timers.exchange];
        assert_eq!(limits.map(|limit| limit.as_secs()), seconds, "{profile}");
    }
}
