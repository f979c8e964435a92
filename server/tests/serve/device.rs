//! A device that asks for tokens, on the driver of the CoAP crate.

use std::net::SocketAddr;
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, OpenError};
use motekey_coap::dtls::{ClientCredential, Implementation, PreSharedKey, SessionId};
use motekey_coap::endpoint::{EndpointConfig, Security};
use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::claims::{ClaimsSet, NumericDate};
use motekey_cose::confirmation::Confirmation;
use motekey_cose::crypto::AeadAlgorithm;
use motekey_cose::crypto::rust::PROVIDER;
use motekey_cose::key::CoseKey;
use motekey_cose::message::{TokenRequest, TokenResponse};
use motekey_cose::token::{TrustedIssuers, VerificationKey, verify};
use motekey_server::clock::{Clock, SystemClock};
use tokio::net::UdpSocket;

use super::program::hexadecimal;

/// A device with a session to the server.
pub(crate) struct Device {
    handle: Handle,
    session: SessionId,
}

impl Device {
    pub(crate) async fn connect(
        server: SocketAddr,
        identity: &str,
        key: &str,
    ) -> Result<Self, OpenError> {
        let key = PreSharedKey::new(hexadecimal(key));
        Self::open(server, identity.as_bytes().to_vec(), key).await
    }

    /// A session at a resource server, with a token as identity.
    pub(crate) async fn present(
        server: SocketAddr,
        token: &TokenResponse,
    ) -> Result<Self, OpenError> {
        let key = PreSharedKey::new(proof_key(token));
        Self::open(server, token.access_token.clone(), key).await
    }

    async fn open(
        server: SocketAddr,
        identity: Vec<u8>,
        key: PreSharedKey,
    ) -> Result<Self, OpenError> {
        let backend = Implementation::default().client(Duration::from_secs(10));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let security = Security::Dtls(backend);
        let handle = Driver::start(socket, EndpointConfig::default(), security, None).unwrap();
        let credential = ClientCredential::PreSharedKey { identity, key };
        let session = handle.open(server, credential).await?.session;
        Ok(Self { handle, session })
    }

    /// A token for `audience`, or the code of the refusal; no code if the session is gone.
    pub(crate) async fn token(&self, audience: &str) -> Result<TokenResponse, Option<Code>> {
        let request = TokenRequest {
            audience: Some(audience.to_owned()),
            ..TokenRequest::default()
        };
        let request =
            Request::post("/token").with_payload(ContentFormat::ACE_CBOR, request.encode());
        let response = self
            .handle
            .request(self.session, request)
            .await
            .map_err(|_| None)?;
        if response.code != Code::CREATED {
            return Err(Some(response.code));
        }
        Ok(TokenResponse::decode(&response.payload).unwrap())
    }

    /// The server said goodbye: the session is gone, without waiting for a time limit.
    pub(crate) async fn assert_closed_by_peer(&self) {
        for _ in 0..100 {
            if self.handle.statistics(self.session).await.is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the session is still there");
    }
}

/// The claims of a token, as the resource server reads them.
pub(crate) fn open(response: &TokenResponse, key: &str) -> ClaimsSet {
    let key = CoseKey::symmetric(&hexadecimal(key), None)
        .decryption_key(&PROVIDER, AeadAlgorithm::AesCcm16_64_128)
        .unwrap();
    let issuers = TrustedIssuers::one("as", vec![VerificationKey::Decryption(key)]);
    let now = NumericDate::from_seconds(SystemClock.now());
    let token = verify(
        &PROVIDER,
        &response.access_token,
        &issuers,
        now,
        &["gateway"],
    )
    .unwrap();
    token.claims().clone()
}

/// The token id as text.
pub(crate) fn cti(claims: &ClaimsSet) -> String {
    String::from_utf8(claims.cti.clone().unwrap()).unwrap()
}

/// The key that the token is bound to.
pub(crate) fn proof_key(response: &TokenResponse) -> Vec<u8> {
    let Some(Confirmation::Key(key)) = &response.cnf else {
        panic!("no key")
    };
    key.symmetric_value().unwrap().to_vec()
}
