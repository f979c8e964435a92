//! Scopes as people write them.

use motekey_cose::scope::{Aif, Method, MethodSet, Scope};

/// Reads `GET /meters,PUT /relay/1` (AIF, RFC 9237; several methods with `|`), `text:WORDS` or `hex:BYTES`.
pub(crate) fn parse(text: &str) -> Result<Scope, String> {
    if let Some(words) = text.strip_prefix("text:") {
        return Ok(Scope::Text(words.to_owned()));
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return Ok(Scope::Binary(super::input::hexadecimal(digits)?));
    }
    let entries = text.split(',').map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(Scope::from(&Aif::new(entries)))
}

fn entry(text: &str) -> Result<(String, MethodSet), String> {
    let wrong =
        || format!("scope entry {text:?}: wanted METHOD[|METHOD] /PATH, text:WORDS or hex:BYTES");
    let (methods, path) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let path = path.trim();
    if !path.starts_with('/') {
        return Err(wrong());
    }
    let mut set = MethodSet::EMPTY;
    for name in methods.split('|') {
        set = set.with(
            Method::from_name(name)
                .ok_or_else(|| format!("{name:?} in {text:?} is not a method"))?,
        );
    }
    Ok((path.to_owned(), set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a03_the_example_of_the_rfc_is_written_as_its_bytes() {
        // RFC 9237 Section 3.
        let scope = parse("GET /s/temp, GET|PUT /a/led,POST /dtls").unwrap();
        let Scope::Binary(bytes) = scope else {
            panic!("not binary")
        };
        let expected = [
            &[0x83, 0x82, 0x67][..],
            b"/s/temp",
            &[0x01, 0x82, 0x66],
            b"/a/led",
            &[0x05, 0x82, 0x65],
            b"/dtls",
            &[0x02],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn text_and_bytes_are_kept() {
        assert_eq!(
            parse("text:r_temp w_led").unwrap(),
            Scope::Text("r_temp w_led".into())
        );
        assert_eq!(parse("hex:0aFf").unwrap(), Scope::Binary(vec![0x0a, 0xff]));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "GET",
            "/meters",
            "GET meters",
            "READ /meters",
            "GET /a,,GET /b",
            "hex:0",
            "hex:zz",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
