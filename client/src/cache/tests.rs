use std::sync::atomic::{AtomicU64, Ordering};

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::message::Secret;
use motekey_cose::scope::Scope;

use super::*;
use crate::token::ProofKey;

const START: u64 = 2_000_000_000;
const RS: &str = "coaps://rs.example.com:5684";
const AS: &str = "coaps://as.example.com:5684/token";

/// A date that tests set; zero: not known.
#[derive(Debug, Default)]
struct Date(AtomicU64);

impl Date {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl WallClock for Date {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst)).filter(|seconds| *seconds > 0)
    }
}

struct World {
    directory: PathBuf,
    date: Arc<Date>,
}

impl World {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("motekey-cache-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let date = Arc::new(Date::default());
        date.set(START);
        Self { directory, date }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("tokens")
    }

    fn cache(&self) -> TokenCache {
        TokenCache::new(self.path(), CacheKey::new([7; 32])).wall_clock(self.date.clone())
    }

    /// A file with one token of 600 seconds, written now.
    fn written(&self) {
        let mut keeper = Keeper::open(self.cache(), Instant::ZERO).unwrap();
        keeper.put(entry(RS, 1, 600));
        keeper.write(Instant::ZERO).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn entry(resource_server: &str, number: u8, seconds: u64) -> Entry {
    Entry {
        resource_server: resource_server.into(),
        issuer: AS.into(),
        device: b"meter-1".to_vec(),
        ends_at: None,
        seconds_left: 0,
        access: Access {
            token: vec![number; 120],
            key: ProofKey::PreShared {
                kid: vec![number; 8],
                secret: PreSharedKey::new(vec![number; 16]),
            },
            profile: 1,
            expires_at: Instant::ZERO + Duration::from_secs(seconds),
            lifetime: Duration::from_secs(600),
            audience: Some("gateway".into()),
            scope: Some(Scope::Text("read".into())),
            asked_scope: Some(Scope::Binary(vec![0x80])),
            refresh_token: Some(Secret::new(vec![number; 20])),
        },
    }
}

fn left(keeper: &Keeper, now: Instant) -> Option<u64> {
    keeper
        .find(RS, AS, b"meter-1")
        .map(|access| (access.expires_at - now).as_secs())
}

#[test]
fn public_keys_come_back_and_no_private_ones() {
    for kid in [None, Some(vec![5])] {
        let world = World::new("public");
        let mut entry = entry(RS, 1, 600);
        entry.access.key = ProofKey::Public {
            own: vec![1; 91],
            kid,
            server: vec![2; 91],
        };
        let wanted = entry.access.key.clone();
        let mut keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
        keeper.put(entry);
        keeper.write(Instant::ZERO).unwrap();
        let keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
        let found = keeper.find(RS, AS, b"meter-1").map(|access| &access.key);
        assert_eq!(found, Some(&wanted));
    }
}

#[test]
fn every_member_comes_back() {
    let world = World::new("members");
    world.written();
    let now = Instant::from_micros(5_000_000);
    let keeper = Keeper::open(world.cache(), now).unwrap();
    let mut expected = entry(RS, 1, 600).access;
    expected.expires_at = now + Duration::from_secs(600);
    assert_eq!(keeper.find(RS, AS, b"meter-1"), Some(&expected));
    for (resource_server, issuer, device) in [
        ("coaps://other:5684", AS, &b"meter-1"[..]),
        (RS, "coaps://other/token", b"meter-1"),
        (RS, AS, b"meter-2"),
    ] {
        assert_eq!(keeper.find(resource_server, issuer, device), None);
    }
}

#[test]
fn d31_f61_lifetimes_go_on_over_a_restart() {
    // Date at the restart, and seconds left: by the date, and where tokens are kept without one.
    let cases = [
        (START, Some(600), Some(600)),
        (START + 100, Some(500), Some(500)),
        (START + 599, Some(1), Some(1)),
        (START + 600, None, None),
        (START + 1_000_000, None, None),
        // A clock that went back, by however little, is not trusted.
        (START - 1, None, None),
        (1, None, None),
        (0, None, Some(600)),
    ];
    for (date, by_date, kept) in cases {
        let world = World::new("lifetimes");
        world.written();
        world.date.set(date);
        let now = Instant::from_micros(77);
        let keeper = Keeper::open(world.cache(), now).unwrap();
        assert_eq!(left(&keeper, now), by_date, "{date}");
        let keeper = Keeper::open(world.cache().keep_without_date(), now).unwrap();
        assert_eq!(left(&keeper, now), kept, "{date}");
    }
}

#[test]
fn a_file_written_without_a_date_is_not_used_with_one() {
    let world = World::new("dateless");
    world.date.set(0);
    world.written();
    world.date.set(START);
    assert_eq!(
        left(
            &Keeper::open(world.cache(), Instant::ZERO).unwrap(),
            Instant::ZERO
        ),
        None
    );
}

#[test]
fn no_token_lives_longer_than_it_was_granted_for() {
    let world = World::new("longer");
    // The clock runs ahead while the file is written, then is corrected, and time passes.
    let mut keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
    keeper.put(entry(RS, 1, 100_000));
    keeper.write(Instant::ZERO).unwrap();
    world.date.set(START + 10);
    let keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
    assert_eq!(left(&keeper, Instant::ZERO), Some(600));
}

#[test]
fn a_file_that_cannot_be_used_stays_as_it_is() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, CacheError); 5] = [
        (|file| *file = b"uri = 1".to_vec(), CacheError::NotACache),
        (|file| file[14] = 9, CacheError::OtherVersion(9)),
        (|file| file[15] ^= 1, CacheError::WrongKey),
        (|file| file.truncate(80), CacheError::Damaged),
        (
            |file| file.resize(1 << 21, 0),
            CacheError::TooLong { limit: 1 << 20 },
        ),
    ];
    for (change, wanted) in cases {
        let world = World::new("faults");
        world.written();
        let mut bytes = std::fs::read(world.path()).unwrap();
        change(&mut bytes);
        std::fs::write(world.path(), &bytes).unwrap();
        assert_eq!(
            Keeper::open(world.cache(), Instant::ZERO).unwrap_err(),
            wanted
        );
        assert_eq!(std::fs::read(world.path()).unwrap(), bytes, "{wanted:?}");
    }
    let world = World::new("directory");
    std::fs::create_dir(world.path()).unwrap();
    let error = Keeper::open(world.cache(), Instant::ZERO).unwrap_err();
    assert!(matches!(error, CacheError::Unreadable(_)), "{error:?}");
}

#[test]
fn the_file_is_private_bounded_and_holds_no_readable_key() {
    let world = World::new("private");
    // What a crash left does not stop the next write.
    std::fs::write(world.directory.join("tokens.new"), b"half").unwrap();
    let mut keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
    for number in 0..100 {
        keeper.put(entry(
            &format!("coaps://rs{number}:5684"),
            number,
            100 + u64::from(number),
        ));
    }
    keeper.put(entry(RS, 250, 600));
    keeper.write(Instant::ZERO).unwrap();
    let bytes = std::fs::read(world.path()).unwrap();
    assert!(!bytes.windows(16).any(|part| part == [250; 16]));
    assert!(!world.directory.join("tokens.new").exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(world.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
    assert_eq!(keeper.entries.len(), MAX_ENTRIES);
    assert!(left(&keeper, Instant::ZERO).is_some());
    assert!(keeper.find("coaps://rs0:5684", AS, b"meter-1").is_none());
    assert!(keeper.find("coaps://rs99:5684", AS, b"meter-1").is_some());
}

#[test]
fn what_cannot_be_written_leaves_the_former_file() {
    let world = World::new("unwritable");
    world.written();
    let before = std::fs::read(world.path()).unwrap();
    let mut keeper = Keeper::open(world.cache(), Instant::ZERO).unwrap();
    // A directory stands where the new file would.
    std::fs::create_dir(world.directory.join("tokens.new")).unwrap();
    assert!(matches!(
        keeper.write(Instant::ZERO),
        Err(CacheError::Unwritable(_))
    ));
    assert_eq!(std::fs::read(world.path()).unwrap(), before);
}
