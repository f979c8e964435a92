//! Token hashes of RFC 9770 Section 4 over every provider.

mod support;

use motekey_cose::revocation::{TokenHash, decode_text_form, is_revocable};
use support::{hex, json, providers};

#[test]
fn r02_r03_token_hashes_of_the_vectors() {
    let vectors = json("rfc9770/token_hash.json");
    for provider in providers() {
        for vector in vectors["vectors"].as_array().unwrap() {
            let wanted = hex(vector["token_hash_sha256"].as_str().unwrap());
            let got = match vector["access_token"].as_str() {
                Some(token) => TokenHash::of_token(&provider, &hex(token)),
                None => {
                    let text = vector["access_token_text"].as_str().unwrap();
                    TokenHash::of_text(&provider, text.as_bytes())
                }
            };
            assert_eq!(got.as_bytes().as_slice(), wanted, "{}", vector["id"]);
            assert_eq!(TokenHash::from_bytes(&wanted), Some(got));
        }
    }
}

#[test]
fn r01_r04_text_form_and_form_of_figure_3() {
    let vectors = json("rfc9770/token_hash.json");
    let figure = &vectors["vectors"][0];
    let token = hex(figure["access_token"].as_str().unwrap());
    let text = figure["hash_input_text"].as_str().unwrap().as_bytes();
    assert_eq!(decode_text_form(text), Some(token.clone()));
    assert!(is_revocable(&token));
    for provider in providers() {
        assert_eq!(
            TokenHash::of_text(&provider, text),
            TokenHash::of_token(&provider, &token)
        );
    }
    for vector in vectors["vectors"].as_array().unwrap() {
        // The tokens of RFC 8392 have header parameters that are not protected.
        if let (Some(id), Some(token)) = (vector["id"].as_str(), vector["access_token"].as_str())
            && id.starts_with("RFC8392")
        {
            assert!(!is_revocable(&hex(token)), "{id}");
        }
    }
}
