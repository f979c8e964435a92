//! Reading vector files, and the order of map keys.

use motekey_cose::cbor::{Kind, Limits, MapWriter, Value, Writer};

/// One entry of a vector file.
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) elided: bool,
    pub(crate) cbor: Vec<u8>,
}

pub(crate) fn file(path: &str) -> serde_json::Value {
    let path = format!("{}/tests/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn vectors(path: &str) -> Vec<Vector> {
    let file = file(path);
    let entries = file["vectors"].as_array().unwrap();
    let vector = |entry: &serde_json::Value| Vector {
        id: entry["id"].as_str().unwrap().into(),
        elided: entry["elided"].as_bool().unwrap_or(false),
        cbor: bytes(&entry["cbor"]),
    };
    entries.iter().map(vector).collect()
}

/// The bytes of a JSON string in hexadecimal.
pub(crate) fn bytes(hex: &serde_json::Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// The same item with the keys of all its maps in ascending order: the RFCs print them in any order, we write them in
/// one. All keys are integers.
pub(crate) fn sorted(item: &[u8]) -> Vec<u8> {
    let value = Value::parse(item, Limits::DEFAULT).unwrap();
    match value.kind() {
        Kind::Map => {
            let mut reader = value.map(&[]).unwrap();
            let mut members = Vec::new();
            while let Some((label, value)) = reader.next_member().unwrap() {
                members.push((
                    label < 0,
                    label.unsigned_abs(),
                    label,
                    sorted(value.as_encoded()),
                ));
            }
            members.sort();
            let mut map = MapWriter::with_capacity(0);
            members
                .iter()
                .for_each(|(_, _, label, value)| map.entry(*label).encoded(value));
            map.finish()
        }
        Kind::Array => {
            let mut array = value.array().unwrap();
            let mut writer = Writer::new();
            writer.array(usize::try_from(array.len()).unwrap());
            while let Some(element) = array.next_element().unwrap() {
                writer.encoded(&sorted(element.as_encoded()));
            }
            writer.finish()
        }
        _ => item.into(),
    }
}
