//! perceptor-perceiver-openshift: everything that the Kubernetes perceiver is, and what OpenShift
//! has beside: image streams, Images, and annotations on Images where they are asked for.
//!
//! A cluster that serves no image API is perceived as Kubernetes. This crate decides nothing about
//! images, and keeps nothing of the manifests that an Image object carries.

pub mod annotate;
pub mod app;
pub mod config;
pub mod gallery;
pub mod metrics;
pub mod slim;
pub mod watch;

#[cfg(test)]
mod stage;
