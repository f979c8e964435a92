//! What each known option may look like (RFC 7252 Table 4, RFC 7641, RFC 7959, RFC 9175), and what follows when
//! one looks otherwise.

use super::{Options, number};

/// Length limits and repetition of an option.
struct Definition {
    number: u16,
    shortest: usize,
    longest: usize,
    repeatable: bool,
}

const fn once(number: u16, shortest: usize, longest: usize) -> Definition {
    Definition {
        number,
        shortest,
        longest,
        repeatable: false,
    }
}

const fn repeatable(number: u16, shortest: usize, longest: usize) -> Definition {
    Definition {
        number,
        shortest,
        longest,
        repeatable: true,
    }
}

const DEFINITIONS: &[Definition] = &[
    repeatable(number::IF_MATCH, 0, 8),
    once(number::URI_HOST, 1, 255),
    repeatable(number::ETAG, 1, 8),
    once(number::IF_NONE_MATCH, 0, 0),
    once(number::OBSERVE, 0, 3),
    once(number::URI_PORT, 0, 2),
    repeatable(number::LOCATION_PATH, 0, 255),
    once(number::OSCORE, 0, 255),
    repeatable(number::URI_PATH, 0, 255),
    once(number::CONTENT_FORMAT, 0, 2),
    once(number::MAX_AGE, 0, 4),
    repeatable(number::URI_QUERY, 0, 255),
    once(number::ACCEPT, 0, 2),
    repeatable(number::LOCATION_QUERY, 0, 255),
    once(number::EDHOC, 0, 0),
    once(number::BLOCK2, 0, 3),
    once(number::BLOCK1, 0, 3),
    once(number::SIZE2, 0, 4),
    once(number::PROXY_URI, 1, 1034),
    once(number::PROXY_SCHEME, 1, 255),
    once(number::SIZE1, 0, 4),
    once(number::ECHO, 1, 40),
    once(number::NO_RESPONSE, 0, 1),
    repeatable(number::REQUEST_TAG, 0, 8),
];

/// Critical options that this endpoint itself handles or hands on, whatever the application knows.
const HANDLED: &[u16] = &[
    number::URI_HOST,
    number::URI_PORT,
    number::URI_PATH,
    number::URI_QUERY,
    number::ACCEPT,
    number::BLOCK1,
    number::BLOCK2,
    number::PROXY_URI,
    number::PROXY_SCHEME,
];

/// Removes elective options that are malformed and finds the first critical option that is malformed, repeated
/// without right, or not understood. `also_understood`: what the application declared.
pub(crate) fn sanitize(options: &mut Options, also_understood: &[u16]) -> Result<(), u16> {
    let mut previous = None;
    let mut offender = None;
    options.retain(|option, value| {
        let repeated = previous.replace(option) == Some(option);
        let fine = well_formed(option, value, repeated);
        if !number::is_critical(option) {
            // RFC 7252 Section 5.4.3, 5.4.5: a malformed or superfluous elective option is ignored.
            return fine;
        }
        // RFC 7252 Section 5.4.1: one that is not understood, or not as defined, is refused.
        if offender.is_none() && !(fine && understood(option, also_understood)) {
            offender = Some(option);
        }
        true
    });
    offender.map_or(Ok(()), Err)
}

fn well_formed(option: u16, value: &[u8], repeated: bool) -> bool {
    DEFINITIONS
        .iter()
        .find(|definition| definition.number == option)
        .is_none_or(|definition| {
            (definition.shortest..=definition.longest).contains(&value.len())
                && (definition.repeatable || !repeated)
        })
}

fn understood(option: u16, also_understood: &[u16]) -> bool {
    HANDLED.contains(&option) || also_understood.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::{Options, sanitize};

    #[test]
    fn h04_critical_options_are_refused_and_elective_ones_ignored() {
        for (what, options, expected) in [
            ("unknown critical 2049", &[(2049, &b"x"[..])][..], Err(2049)),
            ("unknown elective 2050", &[(2050, b"x")], Ok(vec![2050])),
            ("Uri-Path too long", &[(11, &[b'a'; 256])], Err(11)),
            ("Uri-Host empty", &[(3, b"")], Err(3)),
            ("Accept twice", &[(17, b"\x13"), (17, b"\x14")], Err(17)),
            ("ETag too long", &[(4, &[0; 9])], Ok(vec![])),
            (
                "Content-Format twice",
                &[(12, b"\x13"), (12, b"\x14")],
                Ok(vec![12]),
            ),
            (
                "If-None-Match without the application's word",
                &[(5, b"")],
                Err(5),
            ),
            (
                "declared by the application",
                &[(65_001, b"")],
                Ok(vec![65_001]),
            ),
        ] {
            let mut list = Options::default();
            for (number, value) in options {
                list.add(*number, value);
            }
            let outcome = sanitize(&mut list, &[65_001]);
            let left = outcome.map(|()| list.iter().map(|(number, _)| number).collect::<Vec<_>>());
            assert_eq!(left, expected, "{what}");
        }
    }
}
