//! Handshakes with a datagram that was changed on its way, or that a stranger adds.

use motekey_dtls::*;

use crate::common::kinds::{Kind, server_for_all};
use crate::common::*;

/// Handshakes in a usual run.
const SOME: u64 = 3_000;
/// Handshakes in the long run.
const MANY: u64 = 1_000_000;
/// How often the timers may run before an attacked handshake is given up.
const WAITS: u32 = 3;

/// What happens to one datagram of a handshake.
#[derive(Debug, Clone, Copy)]
enum Attack {
    /// It arrives changed.
    Replace,
    /// A changed copy arrives before it.
    Before,
    /// A changed copy arrives after it.
    After,
}

/// What came of the handshakes of a kind.
#[derive(Debug, Default)]
struct Count {
    tried: u64,
    connected: u64,
    client_ended: u64,
    server_ended: u64,
}

/// Kinds of credentials that the rounds go through. Signatures are slow without optimization: one round of six has
/// them in a usual run.
const TURNS: [Kind; 6] = [
    Kind::Psk,
    Kind::EcdhePsk,
    Kind::RawPublicKey,
    Kind::Psk,
    Kind::Psk,
    Kind::X509,
];

/// A pair with somebody between it.
struct Attacked {
    kind: Kind,
    pair: Pair,
    attack: Attack,
    /// Number of the datagram that is attacked, from here.
    target: u64,
    random: TestRandom,
}

impl Attacked {
    fn new(round: u64, random: &mut TestRandom) -> Self {
        let attack = [Attack::Replace, Attack::Before, Attack::After];
        let attack = attack[usize::try_from(round % 3).unwrap()];
        let turn = round / 3 % TURNS.len() as u64;
        let kind = TURNS[usize::try_from(turn).unwrap()];
        // Half of them with many small datagrams.
        let limits = Limits {
            datagram: if random.below(2) == 0 { 1232 } else { 200 },
            ..Limits::default()
        };
        let server = ServerConfig {
            limits,
            ..server_for_all()
        };
        let client = ClientConfig {
            limits,
            ..kind.client_config()
        };
        let pair = Pair::seeded(round, server, client, &kind.credential());
        let target = random.below(if kind == Kind::X509 { 12 } else { 8 });
        let random = TestRandom::new(random.next());
        Self {
            kind,
            pair,
            attack,
            target,
            random,
        }
    }

    /// What arrives instead of a datagram.
    fn arriving(&mut self, datagram: Vec<u8>) -> Vec<Vec<u8>> {
        let attacked = self.target == 0;
        self.target = self.target.wrapping_sub(1);
        if !attacked {
            return vec![datagram];
        }
        let mut changed = datagram.clone();
        for _ in 0..=self.random.below(3) {
            mutate(&mut changed, &mut self.random);
        }
        match self.attack {
            Attack::Replace => vec![changed],
            Attack::Before => vec![changed, datagram],
            Attack::After => vec![datagram, changed],
        }
    }

    fn for_server(&mut self, datagram: Vec<u8>) {
        for datagram in self.arriving(datagram) {
            if let Some(server) = &mut self.pair.server {
                server.handle_datagram(self.pair.now, &datagram);
                continue;
            }
            let (now, random) = (self.pair.now, &mut self.pair.random);
            let contact = self
                .pair
                .front
                .first_contact(now, client_address(), &datagram, random);
            match contact.unwrap() {
                FirstContact::Ignore => {}
                FirstContact::Reply(reply) | FirstContact::Refuse { reply, .. } => {
                    self.for_client(reply);
                }
                FirstContact::Accept(connection) => self.pair.server = Some(*connection),
            }
        }
    }

    fn for_client(&mut self, datagram: Vec<u8>) {
        for datagram in self.arriving(datagram) {
            self.pair.client.handle_datagram(self.pair.now, &datagram);
        }
    }

    fn run(&mut self) {
        for _ in 0..=WAITS {
            loop {
                if let Some(datagram) = self.pair.client.poll_transmit() {
                    self.for_server(datagram);
                } else if let Some(datagram) = self
                    .pair
                    .server
                    .as_mut()
                    .and_then(Connection::poll_transmit)
                {
                    self.for_client(datagram);
                } else {
                    break;
                }
            }
            let server = self.pair.server.as_ref();
            let timers = [
                self.pair.client.poll_timeout(),
                server.and_then(Connection::poll_timeout),
            ];
            let Some(next) = timers.into_iter().flatten().min() else {
                break;
            };
            self.pair.now = next;
            self.pair.client.handle_timeout(next);
            if let Some(server) = &mut self.pair.server {
                server.handle_timeout(next);
            }
        }
        self.pair.events();
    }

    /// Whatever was changed: who connects is who it says, and an end that connected is ended by no stranger.
    fn check(&mut self, round: u64, count: &mut Count) {
        let pair = &mut self.pair;
        let failed = |events: &[Event]| {
            matches!(
                events,
                [
                    ..,
                    Event::Closed(CloseReason::HandshakeFailed(_) | CloseReason::HandshakeTimeout)
                ]
            )
        };
        let identities = [
            Some(self.kind.client_identity()),
            self.kind.server_identity(),
        ];
        let [client, server] = identities;
        for (events, other, peer) in [
            (&pair.server_events, &pair.client_events, client),
            (&pair.client_events, &pair.server_events, server),
        ] {
            match &events[..] {
                [] | [Event::Closed(_)] => {}
                [Event::Connected { peer: got }] => assert_eq!(got, &peer, "round {round}"),
                // The other end failed, and said so under the keys.
                [
                    Event::Connected { peer: got },
                    Event::Closed(CloseReason::Alert(_)),
                ] => {
                    assert_eq!(got, &peer, "round {round}");
                    assert!(failed(other), "round {round}: {events:?} {other:?}");
                }
                other => panic!("round {round}: {other:?}"),
            }
        }
        count.tried += 1;
        count.client_ended += u64::from(matches!(pair.client_events[..], [.., Event::Closed(_)]));
        count.server_ended += u64::from(matches!(pair.server_events[..], [.., Event::Closed(_)]));
        if pair.is_connected() {
            count.connected += 1;
            pair.server_events.clear();
            pair.client.send(b"agreed").unwrap();
            pair.run();
            let data = Event::Data(b"agreed".to_vec());
            assert_eq!(pair.server_events, [data], "round {round}");
        }
    }
}

/// Rounds from `first` to `last`; counts by attack.
fn rounds(first: u64, last: u64) -> [Count; 3] {
    let mut random = TestRandom::new(first ^ 0x00c0_ffee);
    let mut counts = [Count::default(), Count::default(), Count::default()];
    for round in first..last {
        let mut attacked = Attacked::new(round, &mut random);
        attacked.run();
        attacked.check(round, &mut counts[usize::try_from(round % 3).unwrap()]);
    }
    counts
}

fn judge([replaced, before, after]: &[Count; 3]) {
    println!("replaced {replaced:?}\nbefore {before:?}\nafter {after:?}");
    let share = |count: &Count| count.connected * 100 / count.tried;
    // A change of a message in clear ends a handshake: its transcript differs. What can be told apart is not lost.
    assert!((40..100).contains(&share(replaced)), "{replaced:?}");
    assert!(
        share(before) >= 70 && before.connected < before.tried,
        "{before:?}"
    );
    assert!(share(after) >= 95, "{after:?}");
}

#[test]
fn mutated_handshakes_never_panic_and_connect_only_whom_they_should() {
    judge(&rounds(0, SOME));
}

/// `cargo test --release -p motekey-dtls --test hostile -- --ignored --nocapture`
#[test]
#[ignore = "a million handshakes take minutes of optimized code"]
fn a_million_mutated_handshakes() {
    let halves = std::thread::scope(|scope| {
        let second = scope.spawn(|| rounds(MANY / 2, MANY));
        [rounds(0, MANY / 2), second.join().unwrap()]
    });
    halves.iter().for_each(judge);
}
