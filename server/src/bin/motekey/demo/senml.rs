//! Sensor Measurement Lists (RFC 8428) in CBOR: packs of records as the demo's devices post them.

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

/// `application/senml+cbor` (RFC 8428 Section 12.3.2).
pub(crate) const CONTENT_FORMAT: u16 = 112;

/// Most records in one pack that [`decode`] takes.
const MAX_RECORDS: u64 = 4096;

/// CBOR tag of decimal fractions (RFC 8949 Section 3.4.4).
const DECIMAL_FRACTION: u64 = 4;

// RFC 8428 Section 6, Table 4: CBOR labels.
const BASE_NAME: i64 = -2;
const BASE_TIME: i64 = -3;
const BASE_UNIT: i64 = -4;
const NAME: i64 = 0;
const UNIT: i64 = 1;
const VALUE: i64 = 2;
const TIME: i64 = 6;

/// One resolved record: name, unit and time stand on their own (RFC 8428 Section 4.6).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Full name, such as `meter-07:power`.
    pub(crate) name: String,
    /// Unit from the registry of RFC 8428 Section 12.1, such as `W`.
    pub(crate) unit: String,
    /// Seconds since 1970-01-01.
    pub(crate) time: i64,
    /// The measured value in `unit`.
    pub(crate) value: f64,
}

/// A series of values of one quantity: base fields once, then pairs of time offset and value.
pub(crate) fn encode_series(
    name: &str,
    unit: &str,
    base_time: i64,
    values: &[(i64, f64)],
) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(48 + 8 * values.len()));
    let written = (|| {
        encoder.array(values.len() as u64)?;
        for (index, (offset, value)) in values.iter().enumerate() {
            // RFC 8428 Section 4.1: base fields of the first record hold for all that follow.
            if index == 0 {
                encoder
                    .map(5)?
                    .i64(BASE_NAME)?
                    .str(name)?
                    .i64(BASE_TIME)?
                    .i64(base_time)?;
                encoder.i64(BASE_UNIT)?.str(unit)?;
            } else {
                encoder.map(2)?;
            }
            encoder.i64(TIME)?.i64(*offset)?.i64(VALUE)?;
            number(&mut encoder, *value)?;
        }
        Ok::<_, minicbor::encode::Error<core::convert::Infallible>>(())
    })();
    debug_assert!(written.is_ok(), "writing to a vector does not fail");
    encoder.into_writer()
}

/// Records of different names, each with its own unit and time.
pub(crate) fn encode_records(records: &[Record]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(32 * records.len()));
    let written = (|| {
        encoder.array(records.len() as u64)?;
        for record in records {
            encoder
                .map(4)?
                .i64(NAME)?
                .str(&record.name)?
                .i64(UNIT)?
                .str(&record.unit)?;
            encoder.i64(VALUE)?;
            number(&mut encoder, record.value)?;
            encoder.i64(TIME)?.i64(record.time)?;
        }
        Ok::<_, minicbor::encode::Error<core::convert::Infallible>>(())
    })();
    debug_assert!(written.is_ok(), "writing to a vector does not fail");
    encoder.into_writer()
}

/// Reads a pack and resolves its records.
///
/// # Errors
/// What is wrong with the pack, as a sentence for the answer's diagnostic payload (RFC 7252 Section 5.5.2).
pub(crate) fn decode(pack: &[u8]) -> Result<Vec<Record>, String> {
    let mut decoder = Decoder::new(pack);
    let count = length(decoder.array(), "a pack is an array of records")?;
    if count > MAX_RECORDS {
        return Err(format!(
            "pack of {count} records, at most {MAX_RECORDS} are taken"
        ));
    }
    let mut base = Record {
        name: String::new(),
        unit: String::new(),
        time: 0,
        value: 0.0,
    };
    let mut records = Vec::new();
    for _ in 0..count {
        records.push(record(&mut decoder, &mut base)?);
    }
    if decoder.position() != pack.len() {
        return Err("bytes after the pack".to_owned());
    }
    Ok(records)
}

fn record(decoder: &mut Decoder<'_>, base: &mut Record) -> Result<Record, String> {
    let members = length(decoder.map(), "a record is a map")?;
    let (mut name, mut unit, mut offset, mut value) = (String::new(), None, 0, None);
    for _ in 0..members {
        let label = decoder
            .i64()
            .map_err(|_| "labels are integers (RFC 8428 Section 6)".to_owned())?;
        match label {
            BASE_NAME => base.name = text(decoder, "bn")?,
            BASE_UNIT => base.unit = text(decoder, "bu")?,
            BASE_TIME => base.time = seconds(decoder, "bt")?,
            NAME => name = text(decoder, "n")?,
            UNIT => unit = Some(text(decoder, "u")?),
            TIME => offset = seconds(decoder, "t")?,
            VALUE => value = Some(float(decoder)?),
            other => return Err(format!("label {other} is not taken here")),
        }
    }
    let name = format!("{}{name}", base.name);
    if name.is_empty() {
        return Err("record without a name".to_owned());
    }
    Ok(Record {
        name,
        unit: unit.unwrap_or_else(|| base.unit.clone()),
        time: base.time.saturating_add(offset),
        value: value.ok_or("record without a value")?,
    })
}

fn number(
    encoder: &mut Encoder<Vec<u8>>,
    value: f64,
) -> Result<(), minicbor::encode::Error<core::convert::Infallible>> {
    // RFC 8428 Section 6: a decimal fraction gives the same double when it is read; it is the shorter form.
    for (exponent, scale) in [(0, 1.0), (-1, 10.0), (-2, 100.0)] {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the round trip back to f64 is compared"
        )]
        let mantissa = (value * scale).round() as i64;
        if mantissa as f64 / scale == value {
            if exponent == 0 {
                encoder.i64(mantissa)?;
            } else {
                encoder
                    .tag(Tag::new(DECIMAL_FRACTION))?
                    .array(2)?
                    .i64(exponent)?
                    .i64(mantissa)?;
            }
            return Ok(());
        }
    }
    encoder.f64(value)?;
    Ok(())
}

fn length<E>(head: Result<Option<u64>, E>, wanted: &str) -> Result<u64, String> {
    head.ok().flatten().ok_or_else(|| wanted.to_owned())
}

fn text(decoder: &mut Decoder<'_>, label: &str) -> Result<String, String> {
    decoder
        .str()
        .map(str::to_owned)
        .map_err(|_| format!("{label} is not text"))
}

fn seconds(decoder: &mut Decoder<'_>, label: &str) -> Result<i64, String> {
    decoder
        .i64()
        .map_err(|_| format!("{label} is not a whole number of seconds"))
}

fn float(decoder: &mut Decoder<'_>) -> Result<f64, String> {
    let value = match decoder.datatype() {
        Ok(Type::F16 | Type::F32 | Type::F64) => decoder.f64().ok(),
        Ok(Type::Tag) => decimal_fraction(decoder),
        Ok(_) => decoder.i64().ok().map(|whole| whole as f64),
        Err(_) => None,
    };
    value
        .filter(|value| value.is_finite())
        .ok_or_else(|| "v is not a finite number".to_owned())
}

fn decimal_fraction(decoder: &mut Decoder<'_>) -> Option<f64> {
    if decoder.tag().ok()? != Tag::new(DECIMAL_FRACTION) || decoder.array().ok()? != Some(2) {
        return None;
    }
    let exponent = i32::try_from(decoder.i64().ok()?).ok()?;
    let mantissa = decoder.i64().ok()? as f64;
    // Division by a power of ten rounds as reading the decimal number does; multiplication by its inverse does not.
    Some(if exponent < 0 {
        mantissa / 10_f64.powi(-exponent)
    } else {
        mantissa * 10_f64.powi(exponent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_comes_back_with_names_units_and_times_resolved() {
        let pack = encode_series(
            "meter-01:power",
            "W",
            1_800_000_000,
            &[(0, 220.0), (900, 431.5)],
        );
        let records = decode(&pack).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].name, "meter-01:power");
        assert_eq!(records[1].unit, "W");
        assert_eq!(records[1].time, 1_800_000_900);
        assert_eq!(records[1].value, 431.5);
    }

    #[test]
    fn values_take_the_shortest_form_that_reads_back_the_same() {
        for (value, bytes) in [
            (220.0, 3),
            (-3.0, 1),
            (431.5, 6),
            (19.75, 6),
            (1.0 / 3.0, 9),
        ] {
            let mut encoder = Encoder::new(Vec::new());
            number(&mut encoder, value).unwrap();
            let encoded = encoder.into_writer();
            assert_eq!(float(&mut Decoder::new(&encoded)), Ok(value));
            assert!(encoded.len() <= bytes, "{value}: {} bytes", encoded.len());
        }
    }

    #[test]
    fn records_of_several_devices_come_back() {
        let records = vec![
            Record {
                name: "meter-01".into(),
                unit: "W".into(),
                time: 7,
                value: -120.25,
            },
            Record {
                name: "meter-02".into(),
                unit: "W".into(),
                time: 9,
                value: 3.0,
            },
        ];
        assert_eq!(decode(&encode_records(&records)).unwrap(), records);
    }

    #[test]
    fn malformed_packs_are_refused_with_a_reason() {
        let cases: [(&[u8], &str); 7] = [
            (&[0xa0], "array"),
            (&[0x81, 0x00], "map"),
            (&[0x81, 0xa1, 0x02, 0x01], "without a name"),
            (&[0x81, 0xa1, 0x00, 0x61, b'a'], "without a value"),
            (
                &[
                    0x81, 0xa2, 0x00, 0x61, b'a', 0x02, 0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0,
                ],
                "finite",
            ),
            (&[0x81, 0xa2, 0x00, 0x61, b'a', 0x02, 0x01, 0x00], "after"),
            (
                &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "records",
            ),
        ];
        for (pack, reason) in cases {
            let error = decode(pack).unwrap_err();
            assert!(error.contains(reason), "{pack:02x?}: {error}");
        }
    }
}
