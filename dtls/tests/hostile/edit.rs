//! Messages of a datagram, changed.

use motekey_dtls::codec::Reader;
use motekey_dtls::codec::handshake::{Fragment, HandshakeType};
use motekey_dtls::codec::record::{ContentType, Records, put_header};

/// Changes the body of every message of a type in a datagram.
pub(crate) fn edited(datagram: &[u8], kind: HandshakeType, edit: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    for record in Records::new(datagram, 0) {
        let mut content = record.fragment.to_vec();
        if record.content_type == ContentType::Handshake && record.epoch == 0 {
            content.clear();
            let mut reader = Reader::new(record.fragment);
            while !reader.is_empty() {
                let fragment = Fragment::read(&mut reader).unwrap();
                assert!(fragment.is_whole());
                let mut body = fragment.data.to_vec();
                if fragment.kind == kind {
                    edit(&mut body);
                }
                let length = u32::try_from(body.len()).unwrap();
                let data = &body;
                let fragment = Fragment {
                    length,
                    data,
                    ..fragment
                };
                fragment.put(&mut content);
            }
        }
        let length = u16::try_from(content.len()).unwrap();
        let (epoch, sequence) = (record.epoch, record.sequence);
        put_header(
            &mut out,
            record.content_type,
            0xfefd,
            epoch,
            sequence,
            &[],
            length,
        );
        out.extend(content);
    }
    out
}

/// The body of a message in a datagram.
pub(crate) fn body_of(datagram: &[u8], kind: HandshakeType) -> Vec<u8> {
    let body = std::cell::RefCell::new(Vec::new());
    edited(datagram, kind, &|found| body.borrow_mut().clone_from(found));
    body.into_inner()
}
