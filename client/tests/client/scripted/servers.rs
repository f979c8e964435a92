//! The servers of the script: where they listen, how they begin and end.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use motekey_client::{
    AuthorizationServer, Client, ClientBuilder, ClientCredential, OffsetClock, PreSharedKey,
    ResourceServer,
};
use motekey_coap::driver::{Driver, Handle};
use motekey_coap::dtls::webrtc::{Webrtc, WebrtcConfig};
use motekey_coap::dtls::{Backend, CredentialSource};
use motekey_coap::endpoint::{EndpointConfig, Security};
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};

use super::{Actor, DEVICE, DEVICE_KEY, Part, Script};

/// Both servers.
pub(crate) struct World {
    pub(crate) script: Arc<Mutex<Script>>,
    pub(crate) authorization_server: Handle,
    pub(crate) resource_server: Handle,
    pub(crate) plain: Handle,
    pub(crate) clock: Arc<OffsetClock>,
    /// Of the servers that can be killed.
    runtimes: HashMap<Part, Apart>,
}

/// The runtime of one server; ends with all that runs on it.
struct Apart(Option<Runtime>);

impl Drop for Apart {
    fn drop(&mut self) {
        // A runtime must not be dropped on another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::new()));
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let begin = |part| start(script.clone(), part, any);
        let authorization_server = begin(Part::AuthorizationServer).await;
        let resource_server = begin(Part::ResourceServer).await;
        let plain = begin(Part::Plain).await;
        Self::of(script, authorization_server, resource_server, plain)
    }

    /// Servers that can be killed: each has a runtime of its own.
    pub(crate) async fn mortal() -> Self {
        let script = Arc::new(Mutex::new(Script::new()));
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let begin = |part| start_apart(script.clone(), part, any);
        let (authorization_server, first) = begin(Part::AuthorizationServer).await;
        let (resource_server, second) = begin(Part::ResourceServer).await;
        let plain = start(script.clone(), Part::Plain, any).await;
        let mut world = Self::of(script, authorization_server, resource_server, plain);
        let apart = [Part::AuthorizationServer, Part::ResourceServer];
        world.runtimes = HashMap::from_iter(apart.into_iter().zip([first, second]));
        world
    }

    /// Ends a server of [`World::mortal`] without a word to its peers.
    pub(crate) fn kill(&mut self, part: Part) {
        drop(self.runtimes.remove(&part).unwrap());
    }

    /// Starts a killed server at its address; its sessions are lost.
    pub(crate) async fn revive(&mut self, part: Part) {
        let handle = match part {
            Part::AuthorizationServer => &mut self.authorization_server,
            Part::ResourceServer => &mut self.resource_server,
            Part::Plain => &mut self.plain,
        };
        let address = handle.local_addr();
        let (again, runtime) = start_apart(self.script.clone(), part, address).await;
        *handle = again;
        self.runtimes.insert(part, runtime);
    }

    fn of(
        script: Arc<Mutex<Script>>,
        authorization_server: Handle,
        resource_server: Handle,
        plain: Handle,
    ) -> Self {
        script.lock().unwrap().hints.authorization_server = Some(format!(
            "coaps://127.0.0.1:{}/token",
            authorization_server.local_addr().port()
        ));
        Self {
            script,
            authorization_server,
            resource_server,
            plain,
            clock: Arc::new(OffsetClock::new()),
            runtimes: HashMap::new(),
        }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!(
            "coaps://127.0.0.1:{}{path}",
            self.resource_server.local_addr().port()
        )
    }

    pub(crate) fn authorization_uri(&self) -> String {
        format!(
            "coaps://127.0.0.1:{}",
            self.authorization_server.local_addr().port()
        )
    }

    /// What a client knows about the resource server without audience and scope.
    pub(crate) fn known(&self) -> ResourceServer {
        ResourceServer::new(&self.url("/"))
            .unwrap()
            .plain_port(self.plain.local_addr().port())
    }

    pub(crate) fn builder(&self, resource_server: ResourceServer) -> ClientBuilder {
        self.builder_with_key(resource_server, &DEVICE_KEY)
    }

    pub(crate) fn builder_with_key(
        &self,
        resource_server: ResourceServer,
        key: &[u8],
    ) -> ClientBuilder {
        let key = PreSharedKey::new(key.to_vec());
        let credential = ClientCredential::PreSharedKey {
            identity: DEVICE.to_vec(),
            key,
        };
        let server = AuthorizationServer::new(&self.authorization_uri(), credential).unwrap();
        Client::builder()
            .authorization_server(server)
            .resource_server(resource_server)
            .clock(self.clock.clone())
            .random_seed([7; 32])
    }

    /// A client that needs no hints.
    pub(crate) async fn client(&self) -> Client {
        self.builder(self.known().audience("rs1"))
            .build()
            .await
            .unwrap()
    }
}

/// On a runtime of its own, which ends the server when it ends.
async fn start_apart(
    script: Arc<Mutex<Script>>,
    part: Part,
    address: SocketAddr,
) -> (Handle, Apart) {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let handle = runtime.spawn(start(script, part, address)).await.unwrap();
    (handle, Apart(Some(runtime)))
}

async fn start(script: Arc<Mutex<Script>>, part: Part, address: SocketAddr) -> Handle {
    // The socket of a server that was killed can last a moment longer.
    let mut bound = UdpSocket::bind(address).await;
    for _ in 0..100 {
        if bound.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        bound = UdpSocket::bind(address).await;
    }
    let socket = bound.unwrap();
    let actor = || {
        Arc::new(Actor {
            script: script.clone(),
            part,
        })
    };
    let security = match part {
        Part::Plain => Security::None,
        _ => Security::Dtls(backend(actor())),
    };
    Driver::start(socket, EndpointConfig::default(), security, Some(actor())).unwrap()
}

fn backend(credentials: Arc<dyn CredentialSource>) -> Box<dyn Backend> {
    Box::new(Webrtc::server(
        tokio::runtime::Handle::current(),
        WebrtcConfig::default(),
        credentials,
    ))
}

/// An address at which nobody answers.
pub(crate) async fn silent_address() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}
