//! The application on the demo's resource server: takes the devices' readings and shows them to whoever may read
//! them. It sees authorized requests only; the resource-server library has refused all others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use motekey_coap::message::{Code, ContentFormat, Request, Response};

use super::senml::{self, Record};

/// SenML in CBOR, as a CoAP Content-Format.
pub(crate) const SENML: ContentFormat = ContentFormat(senml::CONTENT_FORMAT);

/// Readings kept for one series; the oldest go first.
const MAX_READINGS: usize = 1024;

/// What the gateway has been told, by name of the series.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    series: Mutex<BTreeMap<String, Vec<Record>>>,
}

impl Gateway {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// POST of a device to its own resource. `prefix` is what the names of its series begin with: a device that may
    /// write to its path must not write into another's series.
    pub(crate) fn take(&self, prefix: &str, request: &Request) -> Response {
        if request.method != Code::POST {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        let pack = match request.require_content_format(SENML) {
            Ok(pack) => pack,
            Err(refusal) => return refusal,
        };
        let records = match senml::decode(pack) {
            Ok(records) => records,
            Err(reason) => return Response::new(Code::BAD_REQUEST).with_diagnostic(&reason),
        };
        if let Some(foreign) = records
            .iter()
            .find(|record| !record.name.starts_with(prefix))
        {
            let text = format!("{} is not a series of {prefix}", foreign.name);
            return Response::new(Code::BAD_REQUEST).with_diagnostic(&text);
        }
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let kept = series.entry(record.name.clone()).or_default();
            kept.push(record);
            let excess = kept.len().saturating_sub(MAX_READINGS);
            kept.drain(..excess);
        }
        Response::new(Code::CHANGED)
    }

    /// GET of the collection: the latest reading of every series.
    pub(crate) fn list(&self, request: &Request) -> Response {
        if request.method != Code::GET {
            return Response::new(Code::METHOD_NOT_ALLOWED);
        }
        match request.require_accept(&[SENML]) {
            Ok(format) => Response::new(Code::CONTENT)
                .with_payload(format, senml::encode_records(&self.latest())),
            Err(refusal) => refusal,
        }
    }

    /// How many readings have arrived.
    pub(crate) fn readings(&self) -> usize {
        self.series
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Vec::len)
            .sum()
    }

    /// The values of every series in their order, for drawing.
    pub(crate) fn curves(&self) -> Vec<(String, Vec<f64>)> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let values = |records: &Vec<Record>| records.iter().map(|record| record.value).collect();
        series
            .iter()
            .map(|(name, records)| (name.clone(), values(records)))
            .collect()
    }

    fn latest(&self) -> Vec<Record> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series
            .values()
            .filter_map(|records| records.last().cloned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(name: &str) -> Request {
        let pack = senml::encode_series(name, "W", 1_000, &[(0, 1.0), (900, 2.0)]);
        Request::post("/meters/meter-01").with_payload(SENML, pack)
    }

    #[test]
    fn the_latest_reading_of_each_series_is_listed() {
        let gateway = Gateway::new();
        assert_eq!(
            gateway.take("meter-01:", &post("meter-01:power")).code,
            Code::CHANGED
        );
        let listed = gateway.list(&Request::get("/meters"));
        let records = senml::decode(&listed.payload).unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].time, records[0].value), (1_900, 2.0));
        assert_eq!(gateway.readings(), 2);
    }

    #[test]
    fn a_device_cannot_write_into_the_series_of_another() {
        let gateway = Gateway::new();
        let answer = gateway.take("meter-01:", &post("meter-02:power"));
        assert_eq!(answer.code, Code::BAD_REQUEST);
        assert_eq!(gateway.readings(), 0);
    }

    #[test]
    fn what_is_no_senml_is_refused_and_keeps_nothing() {
        let gateway = Gateway::new();
        let text =
            Request::post("/meters/meter-01").with_payload(ContentFormat::TEXT_PLAIN, "220 W");
        assert_eq!(
            gateway.take("meter-01:", &text).code,
            Code::UNSUPPORTED_CONTENT_FORMAT
        );
        let garbage = Request::post("/meters/meter-01").with_payload(SENML, [0xff]);
        assert_eq!(gateway.take("meter-01:", &garbage).code, Code::BAD_REQUEST);
        assert_eq!(gateway.readings(), 0);
    }

    #[test]
    fn a_series_is_bounded() {
        let gateway = Gateway::new();
        for _ in 0..MAX_READINGS {
            gateway.take("meter-01:", &post("meter-01:power"));
        }
        assert_eq!(gateway.readings(), MAX_READINGS);
    }
}
