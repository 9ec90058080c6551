//! Routes of scanners: registration, leases, layers, reports.

use crate::call::parse;
use crate::path::path;
use crate::{Client, ClientError};
use api_vocab::{Digest, ExtractorSet, LeaseId, ScannerName};
use api_wire::error::ErrorCode;
use api_wire::layer::LayerInventory;
use api_wire::lease::{LayerAnswer, LayerQuestion, Lease, LeaseRenewal, LeaseRequest, ScanFailure};
use api_wire::report::ScanReport;
use api_wire::routes;
use api_wire::scanner::ScannerRegistration;
use reqwest::{Method, StatusCode};
use std::time::Duration;

/// What an answer may take beyond the time that the core was asked to wait.
const GRACE: Duration = Duration::from_secs(30);

impl Client {
    /// Say who asks for work. Repeat it at every start, and when the core says `conflict`.
    pub async fn register(
        &self,
        name: &ScannerName,
        registration: &ScannerRegistration,
    ) -> Result<(), ClientError> {
        let path = path(routes::SCANNER, &[name]);
        self.call("register", Method::PUT, path).body(registration).done().await
    }

    /// Ask for work; none if there was none for as long as the request says.
    pub async fn ask_lease(&self, request: &LeaseRequest) -> Result<Option<Lease>, ClientError> {
        let wait = Duration::from_secs(request.wait_seconds.into()) + GRACE;
        let operation = "ask for a lease";
        let call = self.call(operation, Method::POST, path(routes::LEASES, &[]));
        let answer = call.timeout(wait).body(request).send().await?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        parse(operation, &answer.body).map(Some)
    }

    /// Keep a lease.
    pub async fn renew_lease(&self, lease: LeaseId) -> Result<LeaseRenewal, ClientError> {
        let path = path(routes::LEASE_RENEW, &[&lease]);
        self.call("renew a lease", Method::POST, path).idempotent().json().await
    }

    /// Say which layers the image has, and learn which of them to extract.
    pub async fn ask_layers(
        &self,
        lease: LeaseId,
        question: &LayerQuestion,
    ) -> Result<LayerAnswer, ClientError> {
        let path = path(routes::LEASE_LAYERS, &[&lease]);
        self.call("ask which layers are unknown", Method::POST, path).body(question).idempotent().json().await
    }

    /// Hand over one extracted layer.
    pub async fn send_layer(&self, lease: LeaseId, layer: &LayerInventory) -> Result<(), ClientError> {
        let path = path(routes::LEASE_LAYER, &[&lease, &layer.diff_id]);
        self.call("send a layer", Method::PUT, path).body(layer).done().await
    }

    /// One extracted layer that the core has, if it has it.
    pub async fn layer(
        &self,
        diff_id: &Digest,
        extractor_set: &ExtractorSet,
    ) -> Result<Option<LayerInventory>, ClientError> {
        let call = self.get("get a layer", path(routes::LAYER, &[diff_id]));
        match call.query(&[("extractor_set", extractor_set)]).json().await {
            Ok(layer) => Ok(Some(layer)),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Report the image's inventory. Ends the lease.
    pub async fn report(&self, lease: LeaseId, report: &ScanReport) -> Result<(), ClientError> {
        let path = path(routes::LEASE_REPORT, &[&lease]);
        self.call("report", Method::POST, path).body(report).done().await
    }

    /// Report that the scan did not work. Ends the lease.
    pub async fn fail(&self, lease: LeaseId, failure: &ScanFailure) -> Result<(), ClientError> {
        let path = path(routes::LEASE_FAILURE, &[&lease]);
        self.call("report a failure", Method::POST, path).body(failure).done().await
    }
}
