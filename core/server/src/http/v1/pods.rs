//! Pods: what runs where.

use crate::http::page::{Cut, with_advisories};
use crate::http::role::ByReader;
use crate::http::{Answer, refusal};
use crate::read::fleet::Fleet;
use crate::read::pods::{PodFilter, PodPlace};
use crate::state::Core;
use actix_web::web::Data;
use api_chassis::http::Query;
use api_wire::page::{Order, Page};
use api_wire::pod::{Pod, PodQuery, PodSort};
use std::sync::Arc;

/// All pods.
#[utoipa::path(get, path = api_wire::routes::PODS, tag = "readers", params(PodQuery),
    responses((status = 200, description = "A page of pods", body = Page<Pod>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<PodQuery>) -> Answer {
    let filter = PodFilter::of(&query).map_err(refusal::invalid)?;
    let by_start = query.sort == Some(PodSort::StartedAt);
    let name = if by_start { "started_at" } else { "key" };
    let cut: Cut<PodPlace> = Cut::of(name, query.order, query.cursor.as_deref(), query.limit)?;
    let fleet = Fleet::of(&core.view);
    let render = |pod: Arc<core_model::Pod>| fleet.pod(&pod);
    let page = if by_start || query.order == Some(Order::Desc) {
        let pods = fleet.pods(&filter, None);
        cut.page(pods.map(|pod| (PodPlace::of(&pod, by_start), pod)), render)
    } else {
        let pods = fleet.pods(&filter, cut.after());
        cut.page_in_order(pods.map(|pod| (PodPlace::of(&pod, false), pod)), render)
    };
    Ok(with_advisories(page, &core.advisories))
}
