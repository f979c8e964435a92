//! Signed handshakes in which one message in clear is another than its sender wrote, at every step.

use motekey_dtls::codec::Writer;
use motekey_dtls::codec::alert::AlertDescription;
use motekey_dtls::codec::handshake::HandshakeType;
use motekey_dtls::*;

use crate::common::kinds::*;
use crate::common::*;
use crate::edit::{body_of, edited};

/// A pair after both hellos, and the server's flight.
fn answered(seed: u64, kind: Kind) -> (Pair, Vec<u8>) {
    let mut pair = Pair::seeded(
        seed,
        server_for_all(),
        kind.client_config(),
        &kind.credential(),
    );
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        pair.feed_server(&hello);
    }
    let flight = pair.server().poll_transmit().unwrap();
    (pair, flight)
}

/// A handshake with a message to `victim` changed: why the victim ended it.
fn outcome(
    kind: Kind,
    victim: Role,
    message: HandshakeType,
    edit: &dyn Fn(&mut Vec<u8>),
) -> HandshakeError {
    let (mut pair, mut flight) = answered(1, kind);
    let now = pair.now;
    let before = flight.clone();
    if victim == Role::Client {
        flight = edited(&flight, message, edit);
        assert_ne!(flight, before, "nothing was changed");
    }
    pair.client.handle_datagram(now, &flight);
    if victim == Role::Server {
        let flight = pair.client.poll_transmit().unwrap();
        let changed = edited(&flight, message, edit);
        assert_ne!(flight, changed, "nothing was changed");
        pair.feed_server(&changed);
    }
    pair.run();
    let (own, other) = match victim {
        Role::Client => (&pair.client_events, &pair.server_events),
        Role::Server => (&pair.server_events, &pair.client_events),
    };
    let [Event::Closed(CloseReason::HandshakeFailed(error))] = own[..] else {
        panic!("{kind:?} {victim:?} {message:?}: {own:?}");
    };
    // The other end is told, and by the alert of this error.
    let told = Event::Closed(CloseReason::Alert(error.alert()));
    assert_eq!(other[..], [told], "{kind:?} {victim:?} {message:?}");
    error
}

type Change<'a> = Box<dyn Fn(&mut Vec<u8>) + 'a>;

/// What is wrong, how it comes about, and the alert that follows.
type Edit<'a> = (&'static str, Change<'a>, AlertDescription);

fn flip(from_the_end: usize) -> Change<'static> {
    Box::new(move |body| {
        let at = body.len() - 1 - from_the_end;
        body[at] ^= 1;
    })
}

/// What is wrong in any message.
fn malformed<'a>() -> Vec<Edit<'a>> {
    let decode = AlertDescription::DECODE_ERROR;
    vec![
        (
            "truncated",
            Box::new(|body| body.truncate(body.len() - 1)),
            decode,
        ),
        ("longer", Box::new(|body| body.push(0)), decode),
        ("empty", Box::new(Vec::clear), decode),
    ]
}

fn refused(kind: Kind, victim: Role, message: HandshakeType, edits: Vec<Edit<'_>>) {
    for (why, edit, alert) in edits {
        let error = outcome(kind, victim, message, &*edit);
        assert_eq!(
            error.alert(),
            alert,
            "{kind:?} {victim:?} {message:?} {why}: {error}"
        );
    }
}

#[test]
fn forged_certificates_are_refused_by_both_ends() {
    for victim in [Role::Client, Role::Server] {
        for kind in Kind::SIGNED {
            let raw = kind == Kind::RawPublicKey;
            let changed = if raw {
                // RFC 7925 Section 6: no certificate_unknown for raw public keys.
                AlertDescription::HANDSHAKE_FAILURE
            } else {
                AlertDescription::BAD_CERTIFICATE
            };
            let mut edits = malformed();
            edits.push(("another key", flip(0), changed));
            let none = AlertDescription::HANDSHAKE_FAILURE;
            edits.push(("nobody's", Box::new(|body| *body = vec![0, 0, 0]), none));
            if !raw {
                let many: Change<'_> = Box::new(|body| {
                    let chain = body[3..].repeat(9);
                    body.clear();
                    body.put_vec24(&chain).unwrap();
                });
                edits.push(("nine certificates", many, AlertDescription::DECODE_ERROR));
            }
            refused(kind, victim, HandshakeType::CERTIFICATE, edits);
        }
    }
}

#[test]
fn a_chain_that_is_longer_than_the_buffer_does_not_connect() {
    let kind = Kind::X509;
    let mut server = server_for_all();
    let own = server.certificate.as_mut().unwrap();
    own.chain = vec![own.chain[0].clone(); 12];
    let mut pair = Pair::new(server, kind.client_config(), &kind.credential());
    pair.run();
    while pair.client.poll_timeout().is_some() {
        pair.wait();
    }
    assert_eq!(
        pair.client_events,
        [Event::Closed(CloseReason::HandshakeTimeout)]
    );
}

#[test]
fn forged_server_key_exchanges_are_refused() {
    for kind in Kind::SIGNED {
        let (_, flight) = answered(99, kind);
        let other = body_of(&flight, HandshakeType::SERVER_KEY_EXCHANGE);
        let wrong = AlertDescription::DECRYPT_ERROR;
        let illegal = AlertDescription::ILLEGAL_PARAMETER;
        let mut edits = malformed();
        edits.extend([
            ("another signature", flip(3), wrong),
            ("another point", flip(90), wrong),
            (
                "signed over other randoms",
                Box::new(move |body: &mut Vec<u8>| body.clone_from(&other)),
                wrong,
            ),
            (
                "another curve",
                Box::new(|body: &mut Vec<u8>| body[2] = 23),
                wrong,
            ),
            (
                "an explicit curve",
                Box::new(|body: &mut Vec<u8>| body[0] = 1),
                illegal,
            ),
        ] as [Edit<'_>; 5]);
        refused(
            kind,
            Role::Client,
            HandshakeType::SERVER_KEY_EXCHANGE,
            edits,
        );
    }
}

/// ServerKeyExchange of a server that has the right key and sends what it may not.
#[test]
fn a_true_signature_over_a_wrong_curve_or_point_is_refused() {
    for kind in Kind::SIGNED {
        for (group, public, why) in [
            (24, vec![4; 97], "a curve that was not offered"),
            (23, vec![4; 65], "a point that is not on its curve"),
            (23, vec![4; 33], "a point that is too short"),
            (23, Vec::new(), "no point"),
            (29, vec![0; 32], "a point of small order"),
        ] {
            let (mut pair, flight) = answered(1, kind);
            // Both randoms stand behind the version in the hellos.
            let hello = pair.trace.len();
            assert_eq!(hello, 1, "HelloVerifyRequest");
            let server_random = body_of(&flight, HandshakeType::SERVER_HELLO)[2..34].to_vec();
            let client_random = pair_random(kind);
            let sign = |body: &mut Vec<u8>| {
                let mut parameters = vec![3, 0, group];
                parameters.put_vec8(&public).unwrap();
                let signed = [&client_random[..], &server_random, &parameters].concat();
                let signature = server_key().sign(&signed).unwrap();
                parameters.put_u16(0x0403);
                parameters.put_vec16(&signature).unwrap();
                *body = parameters;
            };
            let forged = edited(&flight, HandshakeType::SERVER_KEY_EXCHANGE, &sign);
            let now = pair.now;
            pair.client.handle_datagram(now, &forged);
            pair.events();
            assert!(
                matches!(
                    pair.client_events[..],
                    [Event::Closed(CloseReason::HandshakeFailed(
                        HandshakeError::Illegal(_)
                    ))]
                ),
                "{kind:?} {why}: {:?}",
                pair.client_events
            );
        }
    }
}

/// The random of the client of [`answered`] with the seed 1.
fn pair_random(kind: Kind) -> Vec<u8> {
    let (server, client) = (server_for_all(), kind.client_config());
    let mut pair = Pair::seeded(1, server, client, &kind.credential());
    let hello = pair.client.poll_transmit().unwrap();
    body_of(&hello, HandshakeType::CLIENT_HELLO)[2..34].to_vec()
}

#[test]
fn forged_certificate_requests_are_refused() {
    for kind in Kind::SIGNED {
        let mut edits = malformed();
        let half = |body: &mut Vec<u8>| *body = vec![1, 64, 0, 1, 8, 0, 0];
        edits.push((
            "half a scheme",
            Box::new(half),
            AlertDescription::DECODE_ERROR,
        ));
        refused(
            kind,
            Role::Client,
            HandshakeType::CERTIFICATE_REQUEST,
            edits,
        );
    }
}

/// RFC 5246 Section 7.4.6: a client without a suitable certificate says so, and the server ends it.
#[test]
fn a_request_that_our_key_does_not_fit_gets_an_empty_certificate() {
    for kind in Kind::SIGNED {
        let (mut pair, flight) = answered(1, kind);
        let ed25519_only = |body: &mut Vec<u8>| *body = vec![1, 64, 0, 2, 8, 7, 0, 0];
        let forged = edited(&flight, HandshakeType::CERTIFICATE_REQUEST, &ed25519_only);
        let now = pair.now;
        pair.client.handle_datagram(now, &forged);
        pair.run();
        let failed = CloseReason::HandshakeFailed(HandshakeError::NoCertificate);
        assert_eq!(pair.server_events, [Event::Closed(failed)], "{kind:?}");
        let alert = CloseReason::Alert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(pair.client_events, [Event::Closed(alert)], "{kind:?}");
    }
}

#[test]
fn forged_client_key_exchanges_and_certificate_verifies_are_refused() {
    for kind in Kind::SIGNED {
        let illegal = AlertDescription::ILLEGAL_PARAMETER;
        let mut edits = malformed();
        let point = |body: &mut Vec<u8>| body[1..].fill(0);
        edits.push(("not a point", Box::new(point), illegal));
        refused(
            kind,
            Role::Server,
            HandshakeType::CLIENT_KEY_EXCHANGE,
            edits,
        );

        let (mut other, flight) = answered(99, kind);
        let now = other.now;
        other.client.handle_datagram(now, &flight);
        let flight = other.client.poll_transmit().unwrap();
        let replayed = body_of(&flight, HandshakeType::CERTIFICATE_VERIFY);
        let wrong = AlertDescription::DECRYPT_ERROR;
        let mut edits = malformed();
        edits.extend([
            ("another signature", flip(3), wrong),
            (
                "of another handshake",
                Box::new(move |body: &mut Vec<u8>| body.clone_from(&replayed)),
                wrong,
            ),
            (
                "another scheme",
                Box::new(|body: &mut Vec<u8>| body[..2].copy_from_slice(&[8, 7])),
                wrong,
            ),
            (
                "a scheme not offered",
                Box::new(|body: &mut Vec<u8>| body[..2].copy_from_slice(&[2, 1])),
                illegal,
            ),
        ] as [Edit<'_>; 4]);
        refused(kind, Role::Server, HandshakeType::CERTIFICATE_VERIFY, edits);
    }
}

/// Victim, message, and what comes in its place.
const MISPLACED: [(Role, HandshakeType, HandshakeType); 7] = {
    use HandshakeType as T;
    const CLIENT: Role = Role::Client;
    const SERVER: Role = Role::Server;
    [
        (CLIENT, T::CERTIFICATE, T::SERVER_KEY_EXCHANGE),
        (CLIENT, T::SERVER_KEY_EXCHANGE, T::CERTIFICATE),
        (CLIENT, T::CERTIFICATE_REQUEST, T::CERTIFICATE_VERIFY),
        (CLIENT, T::SERVER_HELLO_DONE, T::CERTIFICATE),
        (SERVER, T::CERTIFICATE, T::CLIENT_KEY_EXCHANGE),
        (SERVER, T::CLIENT_KEY_EXCHANGE, T::CERTIFICATE_VERIFY),
        (SERVER, T::CERTIFICATE_VERIFY, T::CERTIFICATE),
    ]
};

/// A datagram with a message under another type.
fn renamed(datagram: &[u8], message: HandshakeType, by: HandshakeType) -> Vec<u8> {
    let mut header = vec![message.0, 0];
    let length = body_of(datagram, message).len();
    header.put_u16(u16::try_from(length).unwrap());
    let found = datagram.windows(4).position(|window| window == header);
    let mut out = datagram.to_vec();
    out[found.unwrap()] = by.0;
    out
}

#[test]
fn messages_in_the_place_of_others_are_unexpected() {
    for kind in Kind::SIGNED {
        for (victim, message, by) in MISPLACED {
            let (mut pair, mut flight) = answered(1, kind);
            let now = pair.now;
            if victim == Role::Client {
                flight = renamed(&flight, message, by);
            }
            pair.client.handle_datagram(now, &flight);
            if victim == Role::Server {
                let flight = pair.client.poll_transmit().unwrap();
                pair.feed_server(&renamed(&flight, message, by));
            }
            pair.run();
            let events = match victim {
                Role::Client => &pair.client_events,
                Role::Server => &pair.server_events,
            };
            let [Event::Closed(CloseReason::HandshakeFailed(error))] = events[..] else {
                panic!("{kind:?} {victim:?} {message:?}: {events:?}");
            };
            assert!(
                matches!(error, HandshakeError::Unexpected { .. }),
                "{error}"
            );
        }
    }
}
