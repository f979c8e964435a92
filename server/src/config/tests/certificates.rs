use super::*;

const AUTHORITY: &str = include_str!("authority.pem");
/// Of the P-256 key whose scalar is 32 times 2.
const SERVER: &str = include_str!("server.pem");
const CLIENT: &str = include_str!("client.pem");

/// The settings of a server with certificates; `key` is the byte of its key pair.
fn server(key: u8) -> String {
    format!(
        "[authorization_server]\nkey_pair = \"{}\"\ncertificate_file = \"as.pem\"\n\
         client_anchors_file = \"anchors.pem\"\n",
        format!("{key:02x}").repeat(32)
    )
}

fn directory(name: &str) -> Directory {
    let directory = Directory::new(name);
    directory.write("as.pem", SERVER);
    directory.write("anchors.pem", AUTHORITY);
    directory.write("meter.pem", &[CLIENT, AUTHORITY].concat());
    directory.write("empty.pem", "");
    directory
}

#[test]
fn certificates_are_read_from_pem_files() {
    let directory = directory("certificates");
    let text = format!(
        "{}[[resource_server]]\nname = \"gateway\"\nshared_key = \"{OTHER}\"\ncertificate_file = \"as.pem\"\n\
         [[device]]\nname = \"meter\"\ncertificate_file = \"meter.pem\"\n",
        server(2)
    );
    let path = directory.write("motekey.toml", &text);
    let configuration = Configuration::load(&path).unwrap();
    let certificates = configuration.settings.certificates.as_ref().unwrap();
    assert_eq!(certificates.own.chain.len(), 1);
    assert_eq!(certificates.anchors.len(), 1);
    let registry = &configuration.registry;
    let gateway = registry.resource_server("gateway").unwrap();
    assert_eq!(gateway.certificate.as_ref(), certificates.own.chain.first());
    let DeviceCredential::Certificate(by_file) = registry.device("meter").unwrap().credential
    else {
        panic!("not a certificate");
    };
    // What openssl x509 -fingerprint -sha256 prints, and the same digits alone.
    let plain: String = by_file.iter().map(|byte| format!("{byte:02x}")).collect();
    let colons: Vec<_> = by_file.iter().map(|byte| format!("{byte:02X}")).collect();
    for digits in [plain, colons.join(":")] {
        let text = format!("[[device]]\nname = \"meter\"\ncertificate_sha256 = \"{digits}\"\n");
        let registry = parse(&text).unwrap().registry;
        assert!(
            registry.party_by_certificate(&by_file).is_some(),
            "{digits}"
        );
    }
    // The server checks chains of devices against the anchors, and nothing else.
    assert!(certificates.certificates().is_some());
}

#[test]
fn certificates_that_cannot_be_used_are_refused_with_the_line() {
    let directory = directory("bad-certificates");
    let device = |lines: &str| format!("[[device]]\nname = \"meter\"\n{lines}\n");
    let cases = [
        (server(3), 3, "not a certificate of key_pair"),
        (server(2).replace("anchors.pem", "empty.pem"), 4, "wanted certificates in PEM"),
        (server(2).replace("anchors.pem", "absent.pem"), 4, "No such file"),
        (
            server(2).replace("client_anchors_file = \"anchors.pem\"\n", ""),
            3,
            "both are needed",
        ),
        (
            "[authorization_server]\ncertificate_file = \"as.pem\"\nclient_anchors_file = \"anchors.pem\"\n".to_owned(),
            2,
            "set key_pair_file",
        ),
        (device("certificate_file = \"empty.pem\""), 3, "wanted certificates in PEM"),
        (device("certificate_sha256 = \"0102\""), 3, "wanted 64 hexadecimal digits"),
        (
            device(&format!("key = \"{KEY}\"\ncertificate_file = \"meter.pem\"")),
            4,
            "one of them is enough",
        ),
        (
            format!(
                "{0}{1}",
                device("certificate_file = \"meter.pem\""),
                device("certificate_file = \"meter.pem\"").replace("meter\"", "other\"")
            ),
            6,
            "another party has this certificate",
        ),
    ];
    for (text, line, wanted) in cases {
        let path = directory.write("motekey.toml", &text);
        let error = Configuration::load(&path).err().unwrap();
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.text.contains(wanted), "{error}");
    }
}
