//! Sockets of a server: where it listens, what protects the datagrams, and how it is ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use motekey_coap::driver::{Driver, Handle, Handler};
use motekey_coap::dtls::{Backend, CredentialSource, Implementation};
use motekey_coap::endpoint::{EndpointConfig, Security};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// How long a handshake may take. The endpoint has a limit of its own; the shorter one counts.
const HANDSHAKE_TIME_LIMIT: Duration = Duration::from_secs(60);

/// Bytes of datagrams that wait in a socket. Linux counts 832 for a short one and gives twice as many as asked for, up
/// to twice `net.core.rmem_max`: where that is 4 MiB, 10,000 devices may come at once, instead of 256.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Makes a DTLS backend that accepts whom the credentials know. Called on a tokio runtime.
pub type BackendFactory = Box<dyn FnOnce(Arc<dyn CredentialSource>) -> Box<dyn Backend> + Send>;

/// Where a server listens.
pub struct Listen {
    secure: SocketAddr,
    plain: Option<SocketAddr>,
    endpoint: EndpointConfig,
    backend: BackendFactory,
}

impl Listen {
    /// On this address with DTLS, on the default backend, and nowhere else. Port 0 takes any free one.
    pub fn secure(address: SocketAddr) -> Self {
        Self {
            secure: address,
            plain: None,
            endpoint: EndpointConfig::default(),
            backend: Box::new(|credentials| {
                Implementation::default().server(credentials, HANDSHAKE_TIME_LIMIT)
            }),
        }
    }

    /// Also without DTLS: for uploads of tokens to a resource server. An authorization server does not do this.
    #[must_use]
    pub fn and_plain(mut self, address: SocketAddr) -> Self {
        self.plain = Some(address);
        self
    }

    /// Limits and times of the endpoints.
    #[must_use]
    pub fn endpoint(mut self, config: EndpointConfig) -> Self {
        self.endpoint = config;
        self
    }

    /// Another DTLS backend.
    #[must_use]
    pub fn backend(mut self, backend: BackendFactory) -> Self {
        self.backend = backend;
        self
    }

    pub(crate) async fn start(
        self,
        credentials: Arc<dyn CredentialSource>,
        secure: Arc<dyn Handler>,
        plain: Option<Arc<dyn Handler>>,
    ) -> io::Result<Running> {
        let security = Security::Dtls((self.backend)(credentials));
        let socket = bind(self.secure).await?;
        let secure = Driver::start(socket, self.endpoint.clone(), security, Some(secure))?;
        let plain = match (self.plain, plain) {
            (Some(address), Some(handler)) => {
                let socket = bind(address).await?;
                Some(Driver::start(
                    socket,
                    self.endpoint,
                    Security::None,
                    Some(handler),
                )?)
            }
            _ => None,
        };
        Ok(Running {
            secure,
            plain,
            tasks: Vec::new(),
        })
    }
}

/// A socket that holds the datagrams of a burst until the server has time for them.
async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).await?;
    // As much as the system allows. What does not fit is lost, and sent again by its peer.
    if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
        tracing::debug!(%error, "the receive buffer stays as it is");
    }
    Ok(socket)
}

/// A server that runs. Dropping it ends it without a goodbye.
#[derive(Debug)]
pub struct Running {
    secure: Handle,
    plain: Option<Handle>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// The address with DTLS.
    pub fn secure_address(&self) -> SocketAddr {
        self.secure.local_addr()
    }

    /// The address without DTLS, if there is one.
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.plain.as_ref().map(Handle::local_addr)
    }

    /// The driver of the sessions, for figures. A resource server notifies by
    /// [`ResourceServer::notify`](crate::resource_server::ResourceServer::notify), which asks for the rights.
    pub fn secure_handle(&self) -> &Handle {
        &self.secure
    }

    /// Ends all sessions with close_notify, waits for requests that are in work (for a bounded time), and returns.
    pub async fn shutdown(self) {
        self.secure.shutdown().await;
        if let Some(plain) = &self.plain {
            plain.shutdown().await;
        }
    }

    pub(crate) fn keep(&mut self, task: JoinHandle<()>) {
        self.tasks.push(task);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
