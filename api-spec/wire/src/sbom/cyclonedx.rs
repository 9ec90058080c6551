//! CycloneDX 1.6, JSON (ECMA-424).

use super::{Subject, TOOL, VERSION, purl, seconds};
use api_vocab::{Algorithm, Digest, InstalledPackage};
use serde_json::{Map, Value, json};

pub(super) fn render(subject: &Subject<'_>) -> Value {
    let components: Vec<Value> = subject
        .inventory
        .packages
        .iter()
        .enumerate()
        .map(|(at, found)| component(subject, at, found))
        .collect();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": seconds(subject.created),
            "tools": {"components": [{"type": "application", "name": TOOL, "version": VERSION}]},
            "component": root(subject),
        },
        "components": components,
        // "incomplete" is how the format says that something could not be read.
        "compositions": [{
            "aggregate": if subject.inventory.is_partial() { "incomplete" } else { "complete" },
            "assemblies": ["image"],
        }],
    });
    if let (Some(distro), Some(list)) =
        (&subject.inventory.distro, document.get_mut("components").and_then(Value::as_array_mut))
    {
        let mut system = Map::new();
        system.insert("type".into(), "operating-system".into());
        system.insert("bom-ref".into(), "operating-system".into());
        system.insert("name".into(), distro.id.clone().into());
        if let Some(version) = &distro.version_id {
            system.insert("version".into(), version.clone().into());
        }
        list.insert(0, Value::Object(system));
    }
    document
}

fn root(subject: &Subject<'_>) -> Value {
    let mut root = json!({"type": "container", "bom-ref": "image", "name": subject.name});
    if let (Some(digest), Some(fields)) = (subject.digest, root.as_object_mut()) {
        fields.insert("version".into(), digest.to_string().into());
        fields.insert("hashes".into(), json!([{"alg": algorithm(digest), "content": digest.hex()}]));
    }
    root
}

const fn algorithm(digest: &Digest) -> &'static str {
    match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    }
}

fn component(subject: &Subject<'_>, at: usize, found: &InstalledPackage) -> Value {
    let mut properties = vec![
        json!({"name": "perceptor:path", "value": &*found.path}),
        json!({"name": "perceptor:extractor", "value": &*found.extractor}),
        json!({"name": "perceptor:ecosystem", "value": found.package.ecosystem().to_string()}),
    ];
    if let Some(layer) = &found.layer {
        properties.push(json!({"name": "perceptor:layer", "value": layer.to_string()}));
    }
    if let Some(source) = found.package.source() {
        properties.push(json!({"name": "perceptor:source-name", "value": source.name()}));
        properties.push(json!({"name": "perceptor:source-version", "value": source.version()}));
    }
    if let Some(owner) = found.package.owned_by() {
        properties.push(json!({"name": "perceptor:owned-by", "value": owner}));
    }
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("package-{at}"),
        "name": found.package.name(),
        "version": found.package.version(),
        "properties": properties,
    });
    if let Some(fields) = component.as_object_mut() {
        if let Some(purl) = purl(subject, found) {
            fields.insert("purl".into(), purl.into());
        }
        if !found.licenses.is_empty() {
            let licenses: Vec<Value> =
                found.licenses.iter().map(|name| json!({"license": {"name": &**name}})).collect();
            fields.insert("licenses".into(), licenses.into());
        }
    }
    component
}
