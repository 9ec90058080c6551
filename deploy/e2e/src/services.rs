//! Services without kube-proxy: each one's address is this machine's own, and a connection to it is
//! carried to an endpoint that the EndpointSlices name as ready.

use crate::cluster::Cluster;
use crate::network::{PodNetwork, claim};
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams};
use std::net::{IpAddr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Where the connections to one Service go.
#[derive(Clone)]
enum Target {
    /// Always there.
    Fixed(SocketAddr),
    /// To a pod behind it.
    Endpoint { slices: Box<Api<EndpointSlice>>, service: String },
}

/// The Services that are served; no more once it goes out of scope.
#[derive(Default)]
pub struct Services {
    tasks: JoinSet<()>,
}

impl Services {
    /// Serve the Service by which pods find the API server.
    ///
    /// # Errors
    /// When its address cannot be had.
    pub async fn serve_api_server(&mut self, cluster: &Cluster, network: &PodNetwork) -> Result<()> {
        let services = Api::namespaced(cluster.client().await?, "default");
        let address = address(&services, "kubernetes").await?;
        network.name("default", "kubernetes", address.ip())?;
        self.serve(address, Target::Fixed(cluster.address())).await
    }

    /// Serve the first port of a Service, and name it to the pods of `network`.
    ///
    /// # Errors
    /// When there is no such Service, or its address cannot be had.
    pub async fn serve_named(
        &mut self,
        cluster: &Cluster,
        network: &PodNetwork,
        namespace: &str,
        name: &str,
    ) -> Result<SocketAddr> {
        let client = cluster.client().await?;
        let address = address(&Api::namespaced(client.clone(), namespace), name).await?;
        let slices = Box::new(Api::namespaced(client, namespace));
        self.serve(address, Target::Endpoint { slices, service: name.to_owned() }).await?;
        network.name(namespace, name, address.ip())?;
        Ok(address)
    }

    async fn serve(&mut self, address: SocketAddr, target: Target) -> Result<()> {
        claim(address.ip())?;
        let listener = TcpListener::bind(address).await?;
        self.tasks.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target.clone()));
            }
        });
        Ok(())
    }
}

async fn address(services: &Api<Service>, name: &str) -> Result<SocketAddr> {
    let spec = services.get(name).await?.spec.context("the Service has no specification")?;
    let ip: IpAddr = spec.cluster_ip.context("the Service has no address")?.parse()?;
    let port = spec.ports.iter().flatten().next().context("the Service has no port")?.port;
    Ok(SocketAddr::new(ip, u16::try_from(port)?))
}

/// Carry one connection; without a ready endpoint it breaks, as it would by kube-proxy.
async fn carry(mut near: TcpStream, target: Target) {
    let Some(address) = target.resolve().await else { return };
    let Ok(mut far) = TcpStream::connect(address).await else { return };
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

impl Target {
    async fn resolve(&self) -> Option<SocketAddr> {
        match self {
            Target::Fixed(address) => Some(*address),
            Target::Endpoint { slices, service } => {
                let label = format!("kubernetes.io/service-name={service}");
                let found = slices.list(&ListParams::default().labels(&label)).await.ok()?;
                found.items.iter().find_map(ready)
            }
        }
    }
}

/// A ready endpoint of a slice.
fn ready(slice: &EndpointSlice) -> Option<SocketAddr> {
    let port = slice.ports.iter().flatten().next()?.port?;
    let ready = |it: &&k8s_openapi::api::discovery::v1::Endpoint| {
        it.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
    };
    let endpoint = slice.endpoints.iter().find(ready)?;
    Some(SocketAddr::new(endpoint.addresses.first()?.parse().ok()?, u16::try_from(port).ok()?))
}
