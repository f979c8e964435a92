use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;

use super::*;
use crate::profile::CoapDtls;

const SENT: Instant = Instant::from_micros(1_000_000);

fn response() -> TokenResponse {
    let key = CoseKey::symmetric(&[0x42; 16], Some(b"kid1"));
    TokenResponse {
        access_token: vec![1, 2, 3],
        expires_in: Some(60),
        cnf: Some(Confirmation::Key(key)),
        scope: None,
        token_type: None,
        refresh_token: None,
        ace_profile: Some(1),
        rs_cnf: None,
    }
}

fn asked() -> Asked<'static> {
    Asked {
        audience: Some("rs1"),
        scope: None,
        profile: None,
        default_lifetime: None,
        running: None,
        own: None,
        known_server: None,
        refreshed: None,
        sent_at: SENT,
        max_token: 4096,
    }
}

fn accepted(response: TokenResponse, asked: Asked<'_>) -> Result<Access, Unusable> {
    let profiles: Vec<Box<dyn Profile>> = vec![Box::new(CoapDtls)];
    accept(response, asked, &profiles, SENT + Duration::from_secs(1))
}

#[test]
fn f24_a_profile_that_the_client_does_not_have_stops_it() {
    for number in [2, 3, 0, -1] {
        let response = TokenResponse {
            ace_profile: Some(number),
            ..response()
        };
        assert_eq!(accepted(response, asked()), Err(Unusable::Profile(number)));
    }
}

#[test]
fn f24_the_profile_of_the_response_goes_before_the_configured_one() {
    let configured = Asked {
        profile: Some(1),
        ..asked()
    };
    let named = TokenResponse {
        ace_profile: Some(2),
        ..response()
    };
    assert_eq!(accepted(named, configured), Err(Unusable::Profile(2)));
    let silent = TokenResponse {
        ace_profile: None,
        ..response()
    };
    assert_eq!(accepted(silent.clone(), configured).unwrap().profile, 1);
    assert_eq!(accepted(silent, asked()), Err(Unusable::ProfileMissing));
}

#[test]
fn f25_a_missing_token_type_means_proof_of_possession_and_bearer_is_refused() {
    assert!(accepted(response(), asked()).is_ok());
    let pop = TokenResponse {
        token_type: Some(TokenType::from_i64(2)),
        ..response()
    };
    assert!(accepted(pop, asked()).is_ok());
    for number in [1, 3] {
        let other = TokenResponse {
            token_type: Some(TokenType::from_i64(number)),
            ..response()
        };
        assert_eq!(accepted(other, asked()), Err(Unusable::TokenType(number)));
    }
}

#[test]
fn f68_without_a_lifetime_the_token_is_not_used() {
    let silent = TokenResponse {
        expires_in: None,
        ..response()
    };
    assert_eq!(accepted(silent.clone(), asked()), Err(Unusable::NoLifetime));
    let provisioned = Asked {
        default_lifetime: Some(Duration::from_secs(5)),
        ..asked()
    };
    assert_eq!(
        accepted(silent, provisioned).unwrap().expires_at,
        SENT + Duration::from_secs(5)
    );
    // expires_in goes before the provisioned value.
    assert_eq!(
        accepted(response(), provisioned).unwrap().lifetime,
        Duration::from_secs(60)
    );
}

#[test]
fn f61_the_lifetime_counts_from_the_request_and_ends() {
    let access = accepted(response(), asked()).unwrap();
    assert!(access.is_valid(SENT + Duration::from_millis(59_999)));
    assert!(!access.is_valid(SENT + Duration::from_secs(60)));
    for lifetime in [0, 1] {
        let response = TokenResponse {
            expires_in: Some(lifetime),
            ..response()
        };
        assert_eq!(
            accepted(response, asked()),
            Err(Unusable::Expired),
            "{lifetime}"
        );
    }
}

#[test]
fn a_lifetime_beyond_the_clock_does_not_wrap() {
    let endless = TokenResponse {
        expires_in: Some(u64::MAX),
        ..response()
    };
    assert!(accepted(endless, asked()).is_ok());
}

#[test]
fn a_token_longer_than_the_limit_is_refused() {
    let small = Asked {
        max_token: 2,
        ..asked()
    };
    assert_eq!(
        accepted(response(), small),
        Err(Unusable::TooLong { got: 3, limit: 2 })
    );
}

#[test]
fn the_granted_scope_is_the_one_of_the_response_else_of_the_request() {
    let wanted = Scope::Text("read".into());
    let asked = Asked {
        scope: Some(&wanted),
        ..asked()
    };
    assert_eq!(
        accepted(response(), asked).unwrap().scope.as_ref(),
        Some(&wanted)
    );
    let narrowed = TokenResponse {
        scope: Some(Scope::Text("less".into())),
        ..response()
    };
    let access = accepted(narrowed, asked).unwrap();
    assert_eq!(access.scope, Some(Scope::Text("less".into())));
    assert_eq!(access.asked_scope, Some(wanted));
}

#[test]
fn the_structure_of_a_token_is_told_without_trust() {
    // Header {1: 10}, empty unprotected map, some content.
    let encrypt0 = [0x83, 0x43, 0xa1, 0x01, 0x0a, 0xa0, 0x41, 0x00];
    let sign1 = [0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x41, 0xa0, 0x41, 0x00];
    let cases = [
        (
            [&[0xd8, 0x3d, 0xd0][..], &encrypt0].concat(),
            "COSE_Encrypt0 with the CWT tag, 11 bytes",
        ),
        ([&[0xd0][..], &encrypt0].concat(), "COSE_Encrypt0, 9 bytes"),
        ([&[0xd2][..], &sign1].concat(), "COSE_Sign1, 11 bytes"),
        (encrypt0.to_vec(), "COSE_Encrypt0 without tags, 8 bytes"),
        (vec![0xff, 0x00], "opaque, 2 bytes"),
        (Vec::new(), "opaque, 0 bytes"),
    ];
    for (token, text) in cases {
        assert_eq!(structure(&token), text);
    }
}
