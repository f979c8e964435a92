//! `motekey token ...`: looking into tokens.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use motekey_cose::claims::{Audience, ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::envelope::{Algorithm, EnvelopeKind};
use motekey_cose::token::{Inspection, TokenTags, inspect};
use serde_json::{Value, json};

use crate::command_line::TokenInspectArguments;
use crate::failure::Failure;
use crate::hexadecimal;
use crate::print::line;

/// Largest token that is looked at, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// Shows the structure of a token and, where it is not encrypted, its claims.
pub(crate) fn inspect_command(arguments: &TokenInspectArguments) -> Result<(), Failure> {
    let token = read(arguments)?;
    let inspection = inspect(&token).map_err(|error| {
        Failure::WrongUse(format!("these {} bytes are no CBOR Web Token: {error}; give the bytes of access_token (key 1 of the token response) unchanged", token.len()))
    })?;
    let description = describe(&inspection);
    if arguments.json {
        line(&format!("{description:#}"));
        return Ok(());
    }
    line("NOT VERIFIED: anybody can have written what follows.");
    print_object(&description, 0);
    Ok(())
}

fn read(arguments: &TokenInspectArguments) -> Result<Vec<u8>, Failure> {
    if let Some(path) = &arguments.file {
        return read_file(path);
    }
    let text = match arguments.token.as_deref() {
        None | Some("-") => {
            let mut text = String::new();
            let limit = 2 * MAX_TOKEN as u64 + 2;
            std::io::stdin().take(limit).read_to_string(&mut text).map_err(|error| {
                Failure::WrongUse(format!("standard input holds no hexadecimal text: {error}; for raw bytes use --file"))
            })?;
            text
        }
        Some(text) => text.to_owned(),
    };
    hexadecimal::decode(&text).map_err(|error| {
        Failure::WrongUse(format!(
            "the token is not hexadecimal: {error}; for raw bytes use --file"
        ))
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let problem = |error: std::io::Error| {
        Failure::WrongUse(format!(
            "cannot read the token from {}: {error}",
            path.display()
        ))
    };
    let mut token = Vec::new();
    let file = std::fs::File::open(path).map_err(problem)?;
    file.take(MAX_TOKEN as u64 + 1)
        .read_to_end(&mut token)
        .map_err(problem)?;
    if token.len() > MAX_TOKEN {
        return Err(Failure::WrongUse(format!(
            "{} is larger than {MAX_TOKEN} bytes: no token",
            path.display()
        )));
    }
    Ok(token)
}

fn describe(inspection: &Inspection) -> Value {
    let headers = &inspection.headers;
    let mut description = json!({
        "verified": false,
        "bytes": inspection.size,
        "tags": match inspection.tags {
            TokenTags::None => "none",
            TokenTags::Cose => "COSE",
            TokenTags::CwtAndCose => "CWT (61) and COSE",
        },
        "structure": match inspection.kind {
            EnvelopeKind::Sign1 => "COSE_Sign1",
            EnvelopeKind::Mac0 => "COSE_Mac0",
            EnvelopeKind::Encrypt0 => "COSE_Encrypt0",
        },
        "headers": {
            "alg": algorithm(headers.algorithm),
            "alg protected": headers.algorithm_protected,
            "unprotected bucket empty": headers.unprotected_is_empty,
        },
    });
    let optional = [
        ("kid", &headers.kid),
        ("IV", &headers.iv),
        ("Partial IV", &headers.partial_iv),
    ];
    for (name, value) in optional {
        if let (Some(value), Some(Value::Object(headers))) = (value, description.get_mut("headers"))
        {
            headers.insert(name.to_owned(), hexadecimal::encode(value).into());
        }
    }
    let claims = match &inspection.claims_unverified {
        None => json!("encrypted: only the resource server reads them"),
        Some(Ok(claims)) => describe_claims(claims),
        Some(Err(error)) => json!(format!("no claims set: {error}")),
    };
    if let Value::Object(members) = &mut description {
        members.insert("claims".to_owned(), claims);
    }
    description
}

fn algorithm(algorithm: Algorithm) -> String {
    format!(
        "{} ({})",
        match algorithm {
            Algorithm::Signature(algorithm) => format!("{algorithm:?}"),
            Algorithm::Mac(algorithm) => format!("{algorithm:?}"),
            Algorithm::Aead(algorithm) => format!("{algorithm:?}"),
        },
        algorithm.to_cose()
    )
}

fn describe_claims(claims: &ClaimsSet) -> Value {
    let audience = claims.aud.as_ref().map(|audience| match audience {
        Audience::One(name) => json!(name),
        Audience::Many(names) => json!(names),
    });
    let members = [
        ("iss", claims.iss.as_ref().map(|text| json!(text))),
        ("sub", claims.sub.as_ref().map(|text| json!(text))),
        ("aud", audience),
        ("exp", claims.exp.as_ref().map(date)),
        ("nbf", claims.nbf.as_ref().map(date)),
        ("iat", claims.iat.as_ref().map(date)),
        ("cti", claims.cti.as_deref().map(bytes)),
        ("cnf", claims.cnf.as_ref().map(confirmation)),
        (
            "scope",
            claims.scope.as_ref().map(|scope| json!(scope.to_string())),
        ),
        (
            "ace_profile",
            claims.ace_profile.map(|number| json!(number)),
        ),
        ("cnonce", claims.cnonce.as_deref().map(bytes)),
        (
            "exi",
            claims
                .exi
                .map(|seconds| json!(format!("{seconds} s after first sight"))),
        ),
    ];
    Value::Object(
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    )
}

fn bytes(bytes: &[u8]) -> Value {
    hexadecimal::encode(bytes).into()
}

fn date(date: &NumericDate) -> Value {
    let seconds = date.as_seconds();
    let readable = u64::try_from(seconds)
        .ok()
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    match readable {
        // The year 10000 and later have no such form.
        Some(time) if seconds < 253_402_300_800 => json!(format!(
            "{seconds} ({})",
            humantime::format_rfc3339_seconds(time)
        )),
        _ => json!(seconds.to_string()),
    }
}

/// What kind of key is bound; never the bytes of a secret one.
fn confirmation(confirmation: &Confirmation) -> Value {
    let kid = confirmation.kid().map(hexadecimal::encode);
    let kind = match confirmation {
        Confirmation::Key(key) if key.is_symmetric() => "COSE_Key, symmetric (not shown)",
        Confirmation::Key(_) => "COSE_Key, public",
        Confirmation::Encrypted(_) => "Encrypted_COSE_Key",
        Confirmation::KeyId(_) => "key id only",
        Confirmation::CertificateChain(_) => "X.509 certificate, by value",
        Confirmation::CertificateHash(_) => "X.509 certificate, by its hash",
    };
    let mut shown = json!({ "kind": kind, "kid": kid });
    if let (Some(hash), Some(members)) =
        (confirmation.certificate(&PROVIDER), shown.as_object_mut())
    {
        members.insert("sha256".to_owned(), bytes(hash.as_bytes()));
    }
    shown
}

fn print_object(value: &Value, depth: usize) {
    let Value::Object(members) = value else {
        return;
    };
    for (name, value) in members {
        let indent = "  ".repeat(depth);
        match value {
            Value::Object(_) => {
                line(&format!("{indent}{name}"));
                print_object(value, depth + 1);
            }
            Value::String(text) => line(&format!("{indent}{name}: {text}")),
            other => line(&format!("{indent}{name}: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8392 Appendix A.3.
    const SIGNED: &str = "d28443a10126a104524173796d6d657472696345434453413235365850a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a52b9b63632c57209120e1c9e30";

    #[test]
    fn a_signed_token_shows_its_claims_and_says_that_nothing_is_verified() {
        let inspection = inspect(&hexadecimal::decode(SIGNED).unwrap()).unwrap();
        let description = describe(&inspection);
        assert_eq!(description["verified"], false);
        assert_eq!(description["structure"], "COSE_Sign1");
        assert_eq!(description["claims"]["aud"], "coap://light.example.com");
        assert_eq!(
            description["claims"]["exp"],
            "1444064944 (2015-10-05T17:09:04Z)"
        );
        assert_eq!(description["claims"]["cti"], "0b71");
    }

    #[test]
    fn a_secret_key_in_a_token_is_not_shown() {
        let key = motekey_cose::key::CoseKey::symmetric(&[0xab; 16], Some(b"k1"));
        let shown = confirmation(&Confirmation::Key(key)).to_string();
        assert!(!shown.contains("abab"), "{shown}");
        assert!(shown.contains("6b31"), "{shown}");
    }
}
