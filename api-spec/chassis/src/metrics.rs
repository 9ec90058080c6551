//! Metrics: the registry's handler, and the latency of HTTP requests by route.

use actix_web::{HttpResponse, web};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::{family::Family, histogram::Histogram};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// A registry whose metrics are called `perceptor_<component>_…`.
pub fn registry(component: &str) -> Registry {
    Registry::with_prefix(format!("perceptor_{component}"))
}

/// Route `/metrics`, showing `registry`.
pub fn routes(registry: Arc<Registry>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(web::Data::from(registry))
            .service(web::resource("/metrics").route(web::get().to(show)));
    }
}

async fn show(registry: web::Data<Registry>) -> HttpResponse {
    // Collectors may walk large maps: not on the thread that serves others.
    match web::block(move || render(&registry)).await {
        Ok(Ok(text)) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(text),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

/// The registry as OpenMetrics text, which Prometheus reads.
pub fn render(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// How long requests took. Labels come from closed sets: known methods, route patterns, statuses.
#[derive(Debug, Clone)]
pub struct HttpLatency(Family<RequestLabels, Histogram, fn() -> Histogram>);

impl HttpLatency {
    /// A histogram of its own in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let family = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register("http_request_seconds", "How long requests took", family.clone());
        HttpLatency(family)
    }

    /// Count one request; `route` is the pattern that matched, if one did.
    pub fn observe(&self, method: &str, route: Option<String>, status: u16, took: Duration) {
        let route = route.unwrap_or_else(|| "unmatched".to_owned());
        let labels = RequestLabels { method: known_method(method), route, status };
        self.0.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_of_a_foreign_method_falls_into_other() {
        let mut registry = registry("test");
        let latency = HttpLatency::register(&mut registry);
        latency.observe("GET", Some("/pods/{id}".into()), 200, Duration::from_millis(3));
        latency.observe("X\"} evil", None, 404, Duration::from_millis(3));
        let text = render(&registry).unwrap();
        assert!(text.contains(
            r#"perceptor_test_http_request_seconds_count{method="GET",route="/pods/{id}",status="200"} 1"#
        ));
        assert!(text.contains(r#"method="other",route="unmatched",status="404""#));
        assert!(text.ends_with("# EOF\n"));
    }
}
