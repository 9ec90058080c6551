//! The API's own description: OpenAPI 3.1, generated from the handlers.

use super::single::tagged;
use super::{Answer, v1};
use actix_web::HttpRequest;
use api_chassis::http::HttpError;
use api_wire::error::ErrorEnvelope;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi};

/// The document's source.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Perceptor core",
        description = "Which images run, what is in them, and what is wrong with it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    tags(
        (name = "readers", description = "What is known. Role: reader."),
        (name = "perceivers", description = "What is seen, and how it stands. Role: perceiver."),
        (name = "scanners", description = "Work, and what came of it. Role: scanner."),
        (name = "operators", description = "What people decide. Role: admin.")
    ),
    paths(
        v1::observations::batch, v1::observations::full_state,
        v1::standings::follow, v1::findings::of_source_image,
        v1::sources::list, v1::sources::one, v1::sources::forget,
        v1::scanners::register, v1::scanners::list, v1::scanners::one,
        v1::leases::ask, v1::leases::renew, v1::leases::layers, v1::leases::report, v1::leases::failure,
        v1::layers::store, v1::layers::one,
        v1::pods::list,
        v1::images::list, v1::images::one, v1::images::rescan,
        v1::packages::of_image, v1::findings::of_image, v1::sbom::one,
        v1::packages::list, v1::packages::places,
        v1::findings::list, v1::queue::list, v1::summary::one,
        v1::advisories::one, v1::advisories::look,
        v1::events::follow,
    ),
    components(schemas(ErrorEnvelope, api_wire::observation::ImageLine)),
    modifiers(&Everywhere)
)]
pub struct Api;

/// What holds for every operation: it wants a token, and its refusals have one form.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
        for (path, item) in &mut document.paths.paths {
            let operations = [
                ("get", &mut item.get),
                ("put", &mut item.put),
                ("post", &mut item.post),
                ("delete", &mut item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    operation.operation_id = Some(operation_id(method, path));
                    if method == "get" && TAGGED.contains(&path.as_str()) {
                        add_tag(operation);
                    }
                    add_refusal(operation);
                }
            }
        }
    }
}

/// `get_images_digest_sbom`: handlers' names repeat from file to file, these do not.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(['/', '{', '}']).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

/// Single resources, whose answers carry an entity tag.
const TAGGED: [&str; 6] = {
    use api_wire::routes::{ADVISORIES, IMAGE, IMAGE_SBOM, SCANNER, SOURCE, SUMMARY};
    [ADVISORIES, IMAGE, IMAGE_SBOM, SCANNER, SOURCE, SUMMARY]
};

fn add_tag(operation: &mut Operation) {
    let known = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The entity tags (`ETag`) that the caller has"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(known.into());
    let unchanged = ResponseBuilder::new().description("The caller has it").build();
    operation.responses.responses.insert("304".to_owned(), unchanged.into());
}

fn add_refusal(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorEnvelope"))).build();
    let refusal = ResponseBuilder::new()
        .description("Refused, for the reason that the code names")
        .content("application/json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), refusal.into());
}

/// The document as text.
pub fn render() -> Result<String, serde_json::Error> {
    Api::openapi().to_pretty_json()
}

/// GET /openapi.json; no token is asked for.
pub async fn show(request: HttpRequest) -> Answer {
    let text = render().map_err(HttpError::bug)?;
    Ok(tagged(&request, "application/json", text.into_bytes()))
}
