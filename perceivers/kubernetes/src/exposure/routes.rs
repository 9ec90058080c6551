//! Routes that only some clusters know: those of the Gateway API, and OpenShift's.

use super::Opening;
use super::shapes::{GatewaySpec, GatewayStatus, RouteSpec, RouteStatus, gateway_meaning, route_meaning};
use crate::slim::{metadata, or_default};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::fmt::Debug;

/// A route of some kind.
pub trait Route:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Its kind, as `HTTPRoute`.
    const KIND: &'static str;

    /// What it means; nothing if nobody takes it.
    fn meaning(&self) -> Option<Opening>;
}

/// A kind of route: its shape, and where the API server has it.
macro_rules! route {
    (
        $(#[$meta:meta])* $name:ident, $group:literal, $version:literal, $kind:literal, $plural:literal,
        $spec:ty, $status:ty, $meaning:path
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Deserialize)]
        pub struct $name {
            /// Its name.
            #[serde(deserialize_with = "metadata")]
            pub metadata: ObjectMeta,
            /// What was asked for.
            #[serde(default, deserialize_with = "or_default")]
            pub spec: $spec,
            /// What is said of it.
            #[serde(default, deserialize_with = "or_default")]
            pub status: $status,
        }

        impl Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group((): &()) -> Cow<'_, str> {
                $group.into()
            }
            fn version((): &()) -> Cow<'_, str> {
                $version.into()
            }
            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl Route for $name {
            const KIND: &'static str = $kind;

            fn meaning(&self) -> Option<Opening> {
                let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
                $meaning(&self.spec, &self.status, namespace)
            }
        }
    };
}

route! {
    /// HTTP by a gateway.
    HttpRoute, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes",
    GatewaySpec, GatewayStatus, gateway_meaning
}
route! {
    /// gRPC by a gateway.
    GrpcRoute, "gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes",
    GatewaySpec, GatewayStatus, gateway_meaning
}
route! {
    /// TLS by a gateway.
    TlsRoute, "gateway.networking.k8s.io", "v1alpha2", "TLSRoute", "tlsroutes",
    GatewaySpec, GatewayStatus, gateway_meaning
}
route! {
    /// TCP by a gateway.
    TcpRoute, "gateway.networking.k8s.io", "v1alpha2", "TCPRoute", "tcproutes",
    GatewaySpec, GatewayStatus, gateway_meaning
}
route! {
    /// By OpenShift's routers.
    OpenShiftRoute, "route.openshift.io", "v1", "Route", "routes",
    RouteSpec, RouteStatus, route_meaning
}
