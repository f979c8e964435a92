use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::authorization_server::AuthorizationServer;
use crate::registry::Registry;
use crate::store::{MemoryStore, Store, conformance};

/// A server with one device and its tokens, behind a socket in a directory of its own.
struct Bench {
    directory: PathBuf,
    store: Arc<MemoryStore>,
    server: Arc<AuthorizationServer>,
    control: Option<Control>,
}

impl Bench {
    async fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("motekey-control-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let mut registry = Registry::new();
        registry
            .put_device(conformance::device("meter", 1))
            .unwrap();
        let store = Arc::new(MemoryStore::with_registry(registry));
        let server = AuthorizationServer::builder(store.clone()).build().await;
        let server = Arc::new(server.unwrap());
        let control = Some(Control::open(&directory, server.clone()).unwrap());
        Self {
            directory,
            store,
            server,
            control,
        }
    }

    async fn token(&self, serial: u64, resource_server: &str) {
        let mut token = conformance::token(serial, "meter", i64::MAX);
        token.resource_server = resource_server.into();
        if resource_server != "gateway" {
            token.key_id = Vec::new();
        }
        self.store.record_token(token, 0).await.unwrap();
    }

    async fn ask(&self, command: Command) -> Result<Reply, Unanswered> {
        let directory = self.directory.clone();
        let asking = tokio::task::spawn_blocking(move || ask(&directory, command, 0, |_| {}));
        asking.await.unwrap()
    }

    /// What comes for a line.
    async fn line(&self, line: Vec<u8>) -> String {
        let path = self.directory.join(SOCKET);
        let talk = tokio::task::spawn_blocking(move || {
            let mut stream = UnixStream::connect(path).unwrap();
            let _ = stream.write_all(&line);
            let mut answer = String::new();
            let _ = BufReader::new(stream).read_line(&mut answer);
            answer
        });
        talk.await.unwrap()
    }

    async fn refusal(&self, command: Command) -> String {
        match self.ask(command).await.unwrap() {
            Reply::Refused { problem, next } => format!("{problem}; next: {next}"),
            reply => panic!("{reply:?}"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.control = None;
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_page_by_page_and_revoked() {
    let bench = Bench::new("tokens").await;
    for serial in 0..1200 {
        bench.token(serial, "gateway").await;
    }
    let (mut count, mut pages, mut after) = (0, 0, None);
    loop {
        let device = Some("meter".to_owned());
        match bench
            .ask(Command::TokenList { device, after })
            .await
            .unwrap()
        {
            Reply::Tokens { tokens, next } => {
                (count, pages, after) = (count + tokens.len(), pages + 1, next);
            }
            reply => panic!("{reply:?}"),
        }
        if after.is_none() {
            break;
        }
    }
    assert_eq!((count, pages), (1200, 3));
    for (which, wanted) in [
        (Which::Token("0000000000000007".to_owned()), 1),
        (Which::Key("6b65792d38".to_owned()), 1),
        (Which::Device("meter".to_owned()), 1198),
    ] {
        match bench
            .ask(Command::TokenRevoke(which.clone()))
            .await
            .unwrap()
        {
            Reply::Revoked(revoked) => {
                assert_eq!(revoked.count, wanted, "{which:?}");
                assert_eq!(revoked.tokens.len(), wanted.min(500));
                assert!(
                    revoked
                        .known_by
                        .iter()
                        .all(|knows| knows.acknowledged_at.is_none())
                );
            }
            reply => panic!("{reply:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named_with_the_next_command() {
    let bench = Bench::new("refused").await;
    bench.token(1, "gateway").await;
    bench.token(1, "pump").await;
    let list = |device: &str| Command::TokenList {
        device: Some(device.to_owned()),
        after: None,
    };
    let revoke = Command::TokenRevoke;
    let disabled = |disabled| Command::DeviceDisabled {
        device: "nobody".to_owned(),
        disabled,
    };
    let device = "no device has the name nobody; next: motekey device list";
    for (command, wanted) in [
        (list("nobody"), device),
        (disabled(true), device),
        (disabled(false), device),
        (revoke(Which::Device("nobody".to_owned())), device),
        (
            revoke(Which::ResourceServer("pump".to_owned())),
            "no resource server has the name pump",
        ),
        (
            revoke(Which::Token("xyz".to_owned())),
            "xyz is not hexadecimal",
        ),
        (
            revoke(Which::Key("abc".to_owned())),
            "abc is not hexadecimal",
        ),
        (
            revoke(Which::Key("abcd".to_owned())),
            "no live token is chosen by that",
        ),
        (
            revoke(Which::Token("abcd".to_owned())),
            "no token has the id abcd",
        ),
        (
            revoke(Which::Token("0000000000000001".to_owned())),
            "tokens for several resource servers",
        ),
    ] {
        let text = bench.refusal(command).await;
        assert!(
            text.contains(wanted) && text.contains("next: motekey"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_its_record_disables_stays_out() {
    let bench = Bench::new("record").await;
    let command = |disabled| Command::DeviceDisabled {
        device: "meter".to_owned(),
        disabled,
    };
    assert!(matches!(
        bench.ask(command(true)).await,
        Ok(Reply::Revoked(_))
    ));
    let Ok(Reply::Devices {
        devices,
        next: None,
    }) = bench.ask(Command::DeviceList { after: None }).await
    else {
        panic!("no devices")
    };
    assert!(devices.len() == 1 && devices[0].disabled);
    assert_eq!(bench.ask(command(false)).await.unwrap(), Reply::Enabled);
    let record = crate::registry::Device {
        disabled: true,
        ..conformance::device("meter", 1)
    };
    bench.store.put_device(record).await.unwrap();
    bench.server.refresh().await.unwrap();
    let text = bench.refusal(command(false)).await;
    assert!(
        text.contains("the configuration file disables meter"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_refused_and_bounded() {
    let bench = Bench::new("lines").await;
    let long = vec![b' '; MAX_QUESTION + 600];
    let list = r#"{"version":1,"command":{"device_list":{"after":null}}}"#;
    let cases: [(&[u8], &str); 7] = [
        (b"\n", "cannot be read"),
        (b"\xff\xfe\n", "cannot be read"),
        (
            b"{\"version\":2}\n",
            "speaks version 1 of the control channel, not 2",
        ),
        (b"{\"version\":1}\n", "missing field `command`"),
        (
            b"{\"version\":1,\"command\":{\"token_list\":{\"color\":1}}}\n",
            "unknown field `color`",
        ),
        (
            b"{\"version\":1,\"command\":\"reboot\"}\n",
            "unknown variant `reboot`",
        ),
        (&long, "longer than 4096 bytes"),
    ];
    for (line, wanted) in cases {
        let text = bench.line(line.to_vec()).await;
        assert!(
            text.contains(wanted) && text.contains("\"refused\""),
            "{wanted}: {text}"
        );
    }
    let text = bench.line(format!("{list}\n").into_bytes()).await;
    assert!(
        text.contains("\"devices\":[{\"device\":\"meter\""),
        "{text}"
    );
    // Whoever connects and says nothing holds up nobody but those beyond the bound.
    let path = bench.directory.join(SOCKET);
    let silent: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    let text = bench.line(format!("{list}\n").into_bytes()).await;
    assert!(text.contains("works on 8 commands already"), "{text}");
    drop(silent);
    for _ in 0..100 {
        let text = bench.line(format!("{list}\n").into_bytes()).await;
        if text.contains("\"devices\"") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the places are not given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_its_owner_and_for_one_server() {
    let mut bench = Bench::new("socket").await;
    let path = bench.directory.join(SOCKET);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = Control::open(&bench.directory, bench.server.clone());
    assert!(matches!(second, Err(ControlError::InUse(_))), "{second:?}");
    bench.control = None;
    let gone = bench.ask(Command::DeviceList { after: None }).await;
    assert!(matches!(gone, Err(Unanswered::NoServer(_))), "{gone:?}");
    // What a killed server left is replaced; what is no socket is not touched.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    bench.control = Some(Control::open(&bench.directory, bench.server.clone()).unwrap());
    bench.control = None;
    std::fs::write(&path, "mine").unwrap();
    let file = Control::open(&bench.directory, bench.server.clone());
    assert!(matches!(file, Err(ControlError::NoSocket(_))), "{file:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
