//! `GET /api/v1/openapi.json`: the interface as it is written beside each handler.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Description, Ref, RefOr, Response as ResponseDescription};
use utoipa::{Modify, OpenApi};

use super::{accounts, bids, images, items, sessions, watches, withdrawals};
use crate::error::Problem;

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(title = "Gavel", description = "An auction house on event streams. Amounts are in minor units, times in epoch \
        milliseconds; errors are problem+json (RFC 9457) with a stable `type`."),
    paths(
        accounts::create, sessions::create, sessions::delete, items::create, items::list, items::show, bids::place,
        bids::list, bids::receipt, withdrawals::create, watches::put, watches::delete, images::create, images::show,
        images::thumbnail, show,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer, &Problems, &OneEnding, &PictureForm)
)]
struct Api;

/// How callers say who they are.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut Description) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        description.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// A listing says once when it ends: `ends_at_ms` or `duration_s`.
struct OneEnding;

impl Modify for OneEnding {
    fn modify(&self, description: &mut Description) {
        let components = description.components.get_or_insert_default();
        let Some(RefOr::T(listing)) = components.schemas.remove("Listing") else { return };
        let ways = [("ends_at_ms", "duration_s"), ("duration_s", "ends_at_ms")].into_iter().fold(
            OneOfBuilder::new(),
            |ways, (said, unsaid)| {
                let whole = ObjectBuilder::new().schema_type(Type::Integer);
                let absent = ObjectBuilder::new().schema_type(Type::Null);
                ways.item(ObjectBuilder::new().property(said, whole).required(said).property(unsaid, absent))
            },
        );
        let listing = AllOfBuilder::new().item(listing).item(Schema::OneOf(ways.build()));
        components.schemas.insert("Listing".into(), RefOr::T(listing.build().into()));
    }
}

/// A picture in a form is the form's first part.
struct PictureForm;

impl Modify for PictureForm {
    fn modify(&self, description: &mut Description) {
        let path = description.paths.paths.get_mut("/api/v1/images").and_then(|path| path.post.as_mut());
        let Some(RefOr::T(body)) = path.and_then(|upload| upload.request_body.as_mut()) else { return };
        let file = ObjectBuilder::new().schema_type(Type::String).content_media_type("image/*");
        let form = ObjectBuilder::new().property("file", file).required("file");
        body.content.insert("multipart/form-data".into(), Content::new(Some(form)).into());
    }
}

/// What any call of its kind may be refused with, so that it is not written beside each.
struct Problems;

const PROBLEM_JSON: &str = "application/problem+json";

impl Modify for Problems {
    fn modify(&self, description: &mut Description) {
        let refusal = AllOfBuilder::new()
            .description(Some("A problem with the members of the decision"))
            .item(Ref::from_schema_name("Problem"))
            .item(Ref::from_schema_name("Decision"));
        let components = description.components.get_or_insert_default();
        components.schemas.insert("Refusal".into(), RefOr::T(refusal.build().into()));
        for path in description.paths.paths.values_mut() {
            for operation in [&mut path.put, &mut path.post, &mut path.delete].into_iter().flatten() {
                may_answer(operation, 403, "Pages of other sites may not send this");
            }
            for operation in [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten() {
                add_problems(operation);
            }
        }
    }
}

fn add_problems(operation: &mut Operation) {
    // Of two ways to say who one is, one is not to say it.
    if operation.security.as_ref().is_some_and(|ways| ways.len() == 1) {
        may_answer(operation, 401, "Not signed in");
    }
    if takes_json(operation) {
        may_answer(operation, 400, "Not JSON");
        may_answer(operation, 413, "The body is too large");
        may_answer(operation, 415, "The body is not said to be JSON");
        may_answer(operation, 422, "What is wrong, by field");
    }
    if takes_query(operation) {
        may_answer(operation, 400, "A parameter that is not understood");
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.is_empty()
        {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert(PROBLEM_JSON.into(), problem.into());
        }
    }
}

fn takes_json(operation: &Operation) -> bool {
    let body = operation.request_body.as_ref();
    body.is_some_and(|body| matches!(body, RefOr::T(body) if body.content.contains_key("application/json")))
}

fn takes_query(operation: &Operation) -> bool {
    let is_query =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(it) if it.parameter_in == ParameterIn::Query);
    operation.parameters.iter().flatten().any(is_query)
}

/// Adds a response, unless the handler describes one of that status itself.
fn may_answer(operation: &mut Operation, status: u16, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_string()).or_insert_with(|| ResponseDescription::new(description).into());
}

/// Describes the interface.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "describe", tag = "about", responses(
    (status = 200, description = "This description", body = Object)))]
pub(super) async fn show() -> Response {
    Json(Api::openapi()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    fn described() -> Value {
        json!(Api::openapi())
    }

    fn operations(description: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
        let paths = description["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        })
    }

    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn each_operation_has_an_id_of_its_own() {
        let description = described();
        let ids: Vec<_> = operations(&description).map(|(.., operation)| &operation["operationId"]).collect();
        let distinct: BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
        assert!(ids.iter().all(|id| id.is_string()) && distinct.len() == ids.len(), "{ids:?}");
    }

    #[test]
    fn each_reference_leads_somewhere() {
        let description = described();
        let mut found = BTreeSet::new();
        references(&description, &mut found);
        assert!(found.contains("#/components/schemas/Problem") && found.contains("#/components/schemas/Refusal"));
        for reference in found {
            assert!(description.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn each_route_is_described() {
        let description = described();
        let described: BTreeSet<_> =
            operations(&description).map(|(path, method, _)| format!("{method} {path}")).collect();
        // A router does not tell its routes, but its source does.
        let routes = include_str!("../api.rs").split(".route(\"").skip(1).flat_map(|route| {
            let (path, handlers) = route.split_once('"').unwrap();
            let handlers = handlers.lines().next().unwrap();
            let methods = ["get", "put", "post", "delete"].into_iter();
            let methods = methods.filter(move |method| handlers.contains(&format!("{method}(")));
            methods.map(move |method| match path.starts_with("/images/") {
                true => format!("{method} {path}"),
                false => format!("{method} /api/v1{path}"),
            })
        });
        assert_eq!(routes.collect::<BTreeSet<_>>(), described);
    }

    #[test]
    fn problems_are_described_where_they_occur() {
        let description = described();
        let statuses = |path: &str, method: &str| {
            let responses = description["paths"][path][method]["responses"].as_object().unwrap();
            responses.keys().map(|status| status.parse::<u16>().unwrap()).collect::<Vec<_>>()
        };
        let bid = statuses("/api/v1/items/{item_id}/bids", "post");
        assert_eq!(bid, [200, 202, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503]);
        assert_eq!(statuses("/api/v1/bids/{bid_id}", "get"), [200, 400, 404, 429]);
        for (path, method, operation) in operations(&description) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let is_problem = !response["content"][PROBLEM_JSON]["schema"].is_null();
                assert_eq!(is_problem, status.as_str() >= "400", "{method} {path} {status}");
            }
        }
    }

    #[test]
    fn what_is_always_there_is_required() {
        let description = described();
        let required = |schema: &str| {
            let names = description["components"]["schemas"][schema]["required"].as_array().unwrap();
            names.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        assert!(required("Events").is_superset(&["events", "next_cursor"].map(String::from).into()));
        assert!(
            required("CommandDecision")
                .is_superset(&["decision", "sequence", "minimum_minor"].map(String::from).into())
        );
        assert!(required("BidBody").contains("max_minor"));
        assert!(required("Pending").contains("decision"));
        assert!(required("Problem").contains("type") && !required("Problem").contains("errors"));
    }
}
