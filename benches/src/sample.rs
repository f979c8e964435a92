//! What a usual deployment asks for.

use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::key::CoseKey;
use motekey_cose::scope::{Aif, Method, MethodSet, Scope};

/// The audience of [`claims`].
pub const AUDIENCE: &str = "gateway";
/// The time that [`claims`] are made at.
pub const NOW: NumericDate = NumericDate::from_seconds(1_799_996_400);

/// Three resources, two methods each.
#[must_use]
pub fn scope() -> Aif {
    let methods = MethodSet::from_iter([Method::Get, Method::Post]);
    Aif::new(["/meters", "/relay/1", "/clock"].map(|path| (path, methods)))
}

/// The claims of a token for an hour. With `secret` the key that it is bound to stands in it; without, only its
/// name, as a token that is signed but not encrypted has to have it.
#[must_use]
pub fn claims(secret: bool) -> ClaimsSet {
    let confirmation = if secret {
        Confirmation::Key(CoseKey::symmetric(&[1; 16], Some(&[2; 8])))
    } else {
        Confirmation::KeyId(vec![2; 8])
    };
    ClaimsSet {
        iss: Some("coaps://as.example.com".into()),
        aud: Some(Audience::One(AUDIENCE.into())),
        exp: Some(NOW.plus_seconds(3600)),
        iat: Some(NOW),
        cti: Some(vec![3; 8]),
        cnf: Some(confirmation),
        scope: Some(Scope::Binary(scope().encode())),
        ..ClaimsSet::default()
    }
}
