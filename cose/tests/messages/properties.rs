//! Properties of the pre-pass and round trips of every message.

use motekey_cose::cbor::{CborError, Limits, Value, check};
use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::{CoseKey, KeyAttributes, OkpKey};
use motekey_cose::message::{
    ErrorCode, ErrorResponse, GrantType, IntrospectionRequest, IntrospectionResponse,
    ProfileRequest, PskIdentity, RequestCreationHints, Secret, TokenRequest, TokenResponse,
    TokenType,
};
use motekey_cose::scope::{Aif, Method, MethodSet, Permission, Scope, local_part};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::support::sorted;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn secret() -> impl Strategy<Value = Secret> {
    bytes().prop_map(Secret::new)
}

fn aif() -> impl Strategy<Value = Aif> {
    vec(("(/[a-c%?&]{0,3}){0,3}", any::<u64>()), 0..6).prop_map(|entries| {
        Aif::new(
            entries
                .into_iter()
                .map(|(path, bits)| (path, MethodSet::from_bits(bits))),
        )
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        ".{0,20}".prop_map(Scope::Text),
        bytes().prop_map(Scope::Binary),
        aif().prop_map(|aif| Scope::from(&aif)),
    ]
}

fn confirmation() -> impl Strategy<Value = Confirmation> {
    let kid = || vec(any::<u8>(), 1..20);
    let public = (any::<[u8; 32]>(), option::of(kid())).prop_map(|(x, kid)| {
        let attributes = KeyAttributes {
            kid,
            ..KeyAttributes::default()
        };
        CoseKey::Okp(OkpKey {
            attributes,
            x,
            private: None,
        })
    });
    let symmetric = (vec(any::<u8>(), 1..40), option::of(kid()))
        .prop_map(|(value, kid)| CoseKey::symmetric(&value, kid.as_deref()));
    prop_oneof![
        public.prop_map(Confirmation::Key),
        symmetric.prop_map(Confirmation::Key),
        kid().prop_map(|kid| Confirmation::Key(CoseKey::symmetric_name(&kid))),
        bytes().prop_map(Confirmation::KeyId),
        Just(Confirmation::Encrypted(vec![
            0xd0, 0x83, 0x43, 0xa1, 1, 10, 0xa1, 5, 0x41, 1, 0x41, 2
        ])),
    ]
}

fn date() -> impl Strategy<Value = NumericDate> {
    any::<i64>().prop_map(NumericDate::from_seconds)
}

fn audience() -> impl Strategy<Value = Audience> {
    prop_oneof![
        ".{0,20}".prop_map(Audience::One),
        vec(".{0,20}", 0..4).prop_map(Audience::Many)
    ]
}

prop_compose! {
    fn claims()(
        (iss, sub, aud) in (option::of(".{0,20}"), option::of(".{0,20}"), option::of(audience())),
        (exp, nbf, iat) in (option::of(date()), option::of(date()), option::of(date())),
        (cti, cnf, scope) in (option::of(bytes()), option::of(confirmation()), option::of(scope())),
        (ace_profile, cnonce, exi) in (any::<Option<i64>>(), option::of(bytes()), any::<Option<u64>>()),
    ) -> ClaimsSet {
        ClaimsSet { iss, sub, aud, exp, nbf, iat, cti, cnf, scope, ace_profile, cnonce, exi }
    }
}

prop_compose! {
    fn token_request()(
        (req_cnf, audience, scope) in (option::of(confirmation()), option::of(".{0,20}"), option::of(scope())),
        (client_id, client_secret) in (option::of(".{0,20}"), option::of(secret())),
        (grant_type, refresh_token) in (any::<Option<u64>>(), option::of(secret())),
        (ace_profile, cnonce) in (any::<Option<Option<i64>>>(), option::of(bytes())),
    ) -> TokenRequest {
        TokenRequest {
            req_cnf,
            audience,
            scope,
            client_id,
            client_secret,
            grant_type: grant_type.map(GrantType::from_u64),
            refresh_token,
            ace_profile: ace_profile.map(|profile| profile.map_or(ProfileRequest::Ask, ProfileRequest::Use)),
            cnonce,
        }
    }
}

prop_compose! {
    fn token_response()(
        (access_token, expires_in, cnf) in (bytes(), any::<Option<u64>>(), option::of(confirmation())),
        (scope, token_type, refresh_token) in (option::of(scope()), any::<Option<i64>>(), option::of(secret())),
        (ace_profile, rs_cnf) in (any::<Option<i64>>(), option::of(confirmation())),
    ) -> TokenResponse {
        let token_type = token_type.map(TokenType::from_i64);
        TokenResponse { access_token, expires_in, cnf, scope, token_type, refresh_token, ace_profile, rs_cnf }
    }
}

prop_compose! {
    fn introspection_response()(
        (active, claims, client_id) in (any::<bool>(), claims(), option::of(".{0,20}")),
        (token_type, username) in (any::<Option<i64>>(), option::of(".{0,20}")),
    ) -> IntrospectionResponse {
        let token_type = token_type.map(TokenType::from_i64);
        IntrospectionResponse { active, claims, client_id, token_type, username }
    }
}

prop_compose! {
    fn hints()(
        (authorization_server, kid) in (option::of(".{0,20}"), option::of(bytes())),
        (audience, scope, cnonce) in (option::of(".{0,20}"), option::of(scope()), option::of(bytes())),
    ) -> RequestCreationHints {
        RequestCreationHints { authorization_server, kid, audience, scope, cnonce }
    }
}

/// Bytes that are CBOR more often than random ones are: heads with small arguments, and some of everything.
fn near_cbor() -> impl Strategy<Value = Vec<u8>> {
    let head = (0_u8..8, 0_u8..4).prop_map(|(major, argument)| major << 5 | argument);
    let odd = prop_oneof![
        Just(0x18),
        Just(0x58),
        Just(0xf6),
        Just(0xf9),
        Just(0xff),
        Just(0x1c),
        any::<u8>()
    ];
    vec(prop_oneof![8 => head, 1 => odd], 0..60)
}

/// The length of the first item, by the pseudocode of RFC 8949 Appendix C without its indefinite lengths: `None` if the
/// item is not well-formed. It shares nothing with the decoder under the pre-pass.
fn well_formed(bytes: &[u8]) -> Option<usize> {
    let initial = *bytes.first()?;
    let information = initial & 0x1f;
    let width = match information {
        0..=23 => 0,
        24..=27 => 1 << (information - 24),
        _ => return None,
    };
    let mut end = 1 + width;
    let argument = match bytes.get(1..end)? {
        [] => u64::from(information),
        argument => argument
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    };
    let items = match initial >> 5 {
        2 | 3 => {
            end = end.checked_add(usize::try_from(argument).ok()?)?;
            bytes.get(..end)?;
            0
        }
        4 => argument,
        5 => argument.checked_mul(2)?,
        6 => 1,
        7 if information == 24 && argument < 32 => return None,
        _ => 0,
    };
    for _ in 0..items {
        end += well_formed(&bytes[end..])?;
    }
    Some(end)
}

/// What we write passes the pre-pass, has its keys in order, and is read as what it was.
macro_rules! round_trip {
    ($type:ident, $message:expr) => {{
        let message = $message;
        let encoded = message.encode();
        prop_assert_eq!(check(&encoded, Limits::DEFAULT), Ok(()));
        prop_assert_eq!(&sorted(&encoded), &encoded);
        prop_assert_eq!($type::decode(&encoded), Ok(message));
    }};
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop_oneof![near_cbor(), vec(any::<u8>(), 0..200)]) {
        let _ = check(&bytes, Limits::DEFAULT);
        let _ = ClaimsSet::decode(&bytes);
        let _ = Confirmation::decode(&bytes);
        let _ = Aif::decode(&bytes);
        let _ = TokenRequest::decode(&bytes);
        let _ = TokenResponse::decode(&bytes);
        let _ = ErrorResponse::decode(&bytes);
        let _ = RequestCreationHints::decode(&bytes);
        let _ = IntrospectionRequest::decode(&bytes);
        let _ = IntrospectionResponse::decode(&bytes);
        let _ = PskIdentity::decode(&bytes);
    }

    #[test]
    fn what_is_well_formed_and_definite_is_refused_only_for_the_rules_on_top(bytes in near_cbor()) {
        // Cut at every place, so that most cases begin with an item that is accepted.
        for end in 0..=bytes.len() {
            let input = &bytes[..end];
            let well_formed = well_formed(input) == Some(end);
            match check(input, Limits::DEFAULT) {
                Ok(()) => {
                    prop_assert!(well_formed, "{input:02x?}");
                    prop_assert_eq!(Value::parse(input, Limits::DEFAULT).unwrap().as_encoded(), input);
                }
                Err(
                    CborError::DuplicateKey { .. }
                    | CborError::NotUtf8 { .. }
                    | CborError::TooDeep { .. }
                    | CborError::TooManyEntries { .. },
                ) => {}
                Err(error) => prop_assert!(!well_formed, "{error}: {input:02x?}"),
            }
        }
    }

    #[test]
    fn token_requests_survive(message in token_request()) {
        round_trip!(TokenRequest, message);
    }

    #[test]
    fn token_responses_survive(message in token_response()) {
        round_trip!(TokenResponse, message);
    }

    #[test]
    fn error_responses_survive(code in any::<i64>(), description in option::of(".{0,20}"), uri in option::of(".{0,20}")) {
        round_trip!(ErrorResponse, ErrorResponse { error: ErrorCode::from_i64(code), description, uri });
    }

    #[test]
    fn hints_survive(message in hints()) {
        round_trip!(RequestCreationHints, message);
    }

    #[test]
    fn introspection_requests_survive(
        token in bytes(), client_id in option::of(".{0,20}"), token_type_hint in option::of(".{0,20}"),
    ) {
        round_trip!(IntrospectionRequest, IntrospectionRequest { token, client_id, token_type_hint });
    }

    #[test]
    fn introspection_responses_survive(message in introspection_response()) {
        round_trip!(IntrospectionResponse, message);
    }

    #[test]
    fn claims_survive(message in claims()) {
        round_trip!(ClaimsSet, message);
    }

    #[test]
    fn identities_survive(kid in vec(any::<u8>(), 1..40)) {
        round_trip!(PskIdentity, PskIdentity { kid });
    }

    #[test]
    fn floating_point_dates_survive(seconds in -4.0e9..4.0e9_f64) {
        let encoded = [&[0xa1, 4, 0xfb], seconds.to_bits().to_be_bytes().as_slice()].concat();
        let claims = ClaimsSet::decode(&encoded).unwrap();
        prop_assert_eq!(claims.exp.unwrap().as_seconds(), seconds.floor() as i64);
        prop_assert_eq!(ClaimsSet::decode(&claims.encode()), Ok(claims));
    }

    #[test]
    fn a04_narrowing_and_widening_follow_the_laws_of_sets(one in aif(), other in aif()) {
        prop_assert_eq!(&Aif::decode(&one.encode()).unwrap(), &one);
        let both = one.intersection(&other);
        let either = one.union(&other);
        prop_assert!(both.is_subset_of(&one) && both.is_subset_of(&other));
        prop_assert!(one.is_subset_of(&either) && other.is_subset_of(&either));
        for (path, _) in either.iter() {
            let wanted = one.methods(path).intersection(other.methods(path));
            prop_assert_eq!(both.methods(path), wanted);
        }
    }

    #[test]
    fn a05_two_requests_are_covered_by_one_entry_only_if_their_options_are_equal(
        one in (vec("[a-b/%?&.]{0,3}", 1..3), vec("[a-b/%?&=]{0,3}", 0..3)),
        other in (vec("[a-b/%?&.]{0,3}", 1..3), vec("[a-b/%?&=]{0,3}", 0..3)),
    ) {
        let text = |(segments, queries): &(Vec<String>, Vec<String>)| {
            local_part(segments.iter().map(String::as_str), queries.iter().map(String::as_str))
        };
        let aif = Aif::new([(text(&one), MethodSet::ALL)]);
        prop_assert_eq!(aif.permits(&text(&one), Method::Get), Permission::Allowed);
        let covered = aif.permits(&text(&other), Method::Get) == Permission::Allowed;
        prop_assert_eq!(covered, one == other);
    }
}
