//! `proto/schema/openapi.json`: the HTTP API as OpenAPI 3.1. Its entities are those of the JSON
//! Schema that `schema.rs` makes from `proto/`; its paths are held against the server's routes.
//!
//! `UPDATE_GOLDEN=1 cargo test --test house openapi` writes the file. Whether real answers keep to
//! it is tested where real answers are: tests/desk.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use trunkline_core::hub::FILTER_LABELS;

/// Entities and what they are made of, by the names that they have in the JSON Schema.
fn entities() -> Map<String, Value> {
    let made = super::schema::made().to_string();
    let text = made.replace("#/$defs/", "#/components/schemas/");
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    let Some(Value::Object(mut all)) = schema.as_object_mut().unwrap().remove("$defs") else {
        panic!("the schema has no definitions")
    };
    // A command is as on a socket, but for the name of its frame.
    let mut command = all.remove("frame.cmd").unwrap();
    command["properties"].as_object_mut().unwrap().remove("t");
    command["required"] = json!(["id", "op"]);
    command["description"] = "Do something. The same id is never carried out twice.".into();
    let roots = ["Call", "Agent", "Line", "Duty", "Link", "Figures", "CommandResult"];
    let mut wanted = Map::from_iter([("Order".to_owned(), command)]);
    roots.iter().for_each(|name| drop(wanted.insert((*name).to_owned(), all[*name].clone())));
    loop {
        let text = serde_json::to_string(&wanted).unwrap();
        let named = text.split("#/components/schemas/").skip(1);
        let named: BTreeSet<&str> = named.map(|rest| rest.split('"').next().unwrap()).collect();
        let missing: Vec<_> = named.into_iter().filter(|n| !wanted.contains_key(*n)).collect();
        if missing.is_empty() {
            return wanted;
        }
        let missing: Vec<_> = missing.into_iter().map(|n| (n.to_owned(), all[n].clone())).collect();
        wanted.extend(missing);
    }
}

pub(super) fn entity(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list_of(name: &str) -> Value {
    json!({ "type": "array", "items": entity(name) })
}

pub(super) fn text(said: &str) -> Value {
    json!({ "type": "string", "description": said })
}

/// Bodies that sockets do not have.
fn bodies() -> Vec<(String, Value)> {
    let epoch = text("Log incarnation.");
    let pos = text("Position that the body shows, decimal.");
    let page = |members: &str, name: &str| {
        let view = json!({ "enum": ["full", "masked"], "description": "View in force." });
        let mut page = json!({
            "type": "object",
            "description": "Entities at one position, in the order of their ids.",
            "properties": {
                "epoch": epoch, "pos": pos, "view": view, members: list_of(name),
                "next": text("There are more: ask again with this as `after`."),
            },
            "required": ["epoch", "pos", "view", members],
        });
        page["properties"][members]["description"] = "The entities.".into();
        page
    };
    let mut bodies = vec![
        ("CallPage".to_owned(), page("calls", "Call")),
        ("AgentPage".to_owned(), page("agents", "Agent")),
        ("LinePage".to_owned(), page("lines", "Line")),
        ("LinkPage".to_owned(), page("links", "Link")),
    ];
    let sub = json!({
        "type": "object",
        "description": "State of one topic. Members but `objs` are absent where they are empty.",
        "properties": {
            "topic": text("Topic."),
            "view": { "enum": ["full", "masked", "aggregate"], "description": "View in force." },
            "objs": list_of("Call"), "lines": list_of("Line"), "duties": list_of("Duty"),
            "agents": list_of("Agent"), "links": list_of("Link"), "figures": list_of("Figures"),
        },
        "required": ["topic", "view", "objs"],
    });
    let snapshot = json!({
        "type": "object",
        "description": "State of all topics at one position.",
        "properties": {
            "resume": {
                "type": "object",
                "description": "For `hello.resume` of a socket with the same topics, view and filter.",
                "properties": { "epoch": epoch, "pos": pos, "scope": text("Opaque.") },
                "required": ["epoch", "pos", "scope"],
                "additionalProperties": false,
            },
            "subs": { "type": "array", "items": entity("TopicState") },
        },
        "required": ["resume", "subs"],
    });
    let problem = json!({
        "type": "object",
        "description": "RFC 9457. Members beside these may come.",
        "properties": {
            "type": { "const": "about:blank" },
            "title": text("The status in words."),
            "status": { "type": "integer", "description": "The status." },
            "detail": text("For a person; echoes nothing of the request."),
            "code": text("Code of the desk protocol; the set is open."),
            "param": text("Query parameter, or key of a question, that cannot be used; `query`, `keys`: an unknown one."),
            "allowed": text("What is allowed there."),
            "details": {
                "description": "CONFLICT: the entity as it is.",
                "anyOf": [entity("Call"), entity("Agent")],
            },
        },
        "required": ["type", "title", "status", "detail", "code"],
    });
    let ticket = json!({
        "type": "object",
        "description": "A single-use ticket for `hello.auth.ticket`.",
        "properties": {
            "ticket": text("256 random bits."),
            "expires_in_ms": { "type": "integer", "minimum": 0, "description": "It is good so long." },
        },
        "required": ["ticket", "expires_in_ms"],
    });
    let health = json!({
        "type": "object",
        "description": "How the server stands.",
        "properties": {
            "status": { "enum": ["enabled", "degraded"], "description": "Whether the journal writes." },
            "reason": text("degraded: why."),
            "links": {
                "type": "object", "additionalProperties": { "type": "string" },
                "description": "State of each control link.",
            },
        },
        "required": ["status", "links"],
    });
    bodies.extend(super::openapi_dnc::bodies());
    bodies.extend(super::openapi_claims::bodies());
    bodies.extend([
        ("TopicState".to_owned(), sub),
        ("Snapshot".to_owned(), snapshot),
        ("Problem".to_owned(), problem),
        ("Ticket".to_owned(), ticket),
        ("Health".to_owned(), health),
    ]);
    bodies
}

pub(super) fn query(name: &str, said: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": said, "schema": schema })
}

fn header(name: &str, said: &str) -> Value {
    json!({ "name": name, "in": "header", "description": said, "schema": { "type": "string" } })
}

pub(super) fn path(name: &str, said: &str) -> Value {
    let schema = json!({ "type": "string" });
    json!({ "name": name, "in": "path", "required": true, "description": said, "schema": schema })
}

fn values() -> Value {
    let value = json!({ "type": "string", "minLength": 1, "maxLength": 128 });
    json!({ "type": "array", "items": value, "maxItems": 256 })
}

fn filters() -> Vec<Value> {
    let schema = super::schema::made();
    let lists = &schema["$defs"]["Filter"]["properties"];
    let said = |label: &str| lists[label]["description"].as_str().unwrap().to_owned();
    let one = |label: &&str| query(label, &format!("Filter. {}", said(label)), values());
    FILTER_LABELS.iter().map(one).collect()
}

fn view(views: &[&str]) -> Value {
    query("view", "Absent: the best that the role allows.", json!({ "enum": views }))
}

fn unless() -> Value {
    header("If-None-Match", "Tags of bodies that the client has: 304 if one is as it is.")
}

/// Answers beside the good one.
pub(super) fn problems(statuses: &[u16]) -> Vec<(u16, Value)> {
    let reference = |status: &u16| {
        let name = match status {
            400 => "BadRequest",
            401 => "Unauthenticated",
            403 => "Forbidden",
            404 => "NotFound",
            406 => "NotAcceptable",
            408 => "BodyTooSlow",
            409 => "Conflict",
            413 => "BodyTooLarge",
            415 => "MediaType",
            422 => "Unprocessable",
            426 => "UpgradeRequired",
            429 => "TooMany",
            500 => "Fault",
            502 => "SwitchRejected",
            503 => "Unavailable",
            504 => "SwitchTimeout",
            other => panic!("{other} has no name"),
        };
        (*status, json!({ "$ref": format!("#/components/responses/{name}") }))
    };
    statuses.iter().map(reference).collect()
}

pub(super) fn problem_responses() -> Map<String, Value> {
    let all = [
        ("BadRequest", "The request cannot be read; `param` names a parameter."),
        ("Unauthenticated", "No token, or none that is good (WWW-Authenticate)."),
        ("Forbidden", "Not for this role, not from this origin, or revoked."),
        ("NotFound", "There is none, or it is not for this caller."),
        ("NotAcceptable", "Accept leaves out what the answer can be."),
        ("BodyTooSlow", "The body did not come within 10 s."),
        (
            "Conflict",
            "The state or a limit does not permit it, it is another revision, or its time is over.",
        ),
        ("BodyTooLarge", "The body is too large."),
        ("MediaType", "The body is of another type."),
        (
            "Unprocessable",
            "The id was used for another command, no link can do it, or a key of a question cannot be \
             used (`param`, `allowed`).",
        ),
        ("UpgradeRequired", "WebSocket version 13 only."),
        ("TooMany", "Too many requests of this user (Retry-After)."),
        ("Fault", "A fault of the server."),
        ("SwitchRejected", "The PBX or the far end refused."),
        ("Unavailable", "Full, draining, or no answer from within (Retry-After)."),
        ("SwitchTimeout", "No answer in time; it may have been carried out."),
    ];
    let content = json!({ "application/problem+json": { "schema": entity("Problem") } });
    let one = |(name, said): (&str, &str)| {
        (name.to_owned(), json!({ "description": said, "content": content }))
    };
    all.into_iter().map(one).collect()
}

pub(super) fn good(said: &str, kind: &str, schema: Value) -> Value {
    json!({ "description": said, "content": { kind: { "schema": schema } } })
}

/// With the tag of `Shown` answers.
fn shown(said: &str, schema: Value) -> Vec<(u16, Value)> {
    let tag = json!({ "ETag": {
        "description": "Weak: epoch, position, view and scope.", "schema": { "type": "string" },
    } });
    let mut ok = good(said, "application/json", schema);
    ok["headers"] = tag.clone();
    let unchanged = json!({ "description": "The client has it (If-None-Match).", "headers": tag });
    vec![(200, ok), (304, unchanged)]
}

pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) said: &'static str,
    pub(super) is_public: bool,
    pub(super) parameters: Vec<Value>,
    pub(super) answers: Vec<(u16, Value)>,
}

impl Operation {
    pub(super) fn json(self) -> Value {
        let answers = self.answers.into_iter().map(|(s, answer)| (s.to_string(), answer));
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.said,
            "responses": Map::from_iter(answers),
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if self.is_public {
            operation["security"] = json!([]);
        }
        operation
    }
}

fn list(id: &'static str, said: &'static str, page: &str) -> Value {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 });
    let mut parameters = vec![view(&["full", "masked"])];
    parameters.extend(filters());
    parameters.push(query("after", "`next` of the page before.", json!({ "type": "string" })));
    parameters.push(query("limit", "Entities of a page.", limit));
    parameters.push(unless());
    let mut answers = shown("A page.", entity(page));
    answers.extend(problems(&[400, 401, 403, 406, 429, 503]));
    Operation { id, said, is_public: false, parameters, answers }.json()
}

fn one(id: &'static str, said: &'static str, name: &str) -> Value {
    let parameters = vec![path("id", "Its id."), view(&["full", "masked"]), unless()];
    let mut answers = shown("As it is.", entity(name));
    answers.extend(problems(&[400, 401, 403, 404, 406, 429, 503]));
    Operation { id, said, is_public: false, parameters, answers }.json()
}

fn snapshot() -> Value {
    let topics = json!({
        "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": true,
        "items": { "type": "string" },
    });
    let said = "A topic of the desk protocol, e.g. site:calls, queue:ID.";
    let mut topic = query("topic", said, topics);
    topic["required"] = true.into();
    let mut parameters = vec![topic, view(&["full", "masked", "aggregate"])];
    parameters.extend(filters());
    parameters.push(unless());
    let mut answers = shown("The state.", entity("Snapshot"));
    answers.extend(problems(&[400, 401, 403, 406, 429, 503]));
    let said = "State of topics at one position, from which a socket can resume.";
    Operation { id: "snapshot", said, is_public: false, parameters, answers }.json()
}

fn commands() -> (Value, Value) {
    let wait = "wait=N: wait up to N seconds (30 at most) for the result (RFC 7240).";
    let stands = entity("CommandResult");
    let mut accepted =
        good("Durable; its result is not known.", "application/json", stands.clone());
    accepted["headers"] = json!({ "Location": {
        "description": "Where to ask how it stands.", "schema": { "type": "string" },
    } });
    let mut answers = vec![
        (200, good("It is done; `status` says how it ended.", "application/json", stands.clone())),
        (202, accepted),
    ];
    let wrong = [400, 401, 403, 404, 406, 408, 409, 413, 415, 422, 429, 502, 503, 504];
    answers.extend(problems(&wrong));
    let mut give = Operation {
        id: "giveCommand",
        said: "Give a command. Send the same id again if the answer is lost.",
        is_public: false,
        parameters: vec![header("Prefer", wait)],
        answers,
    }
    .json();
    give["requestBody"] = json!({
        "required": true, "content": { "application/json": { "schema": entity("Order") } },
    });
    let mut answers = vec![(200, good("How it stands.", "application/json", stands))];
    answers.extend(problems(&[400, 401, 403, 404, 406, 429, 503]));
    let standing = Operation {
        id: "command",
        said: "How a command of this user stands; ids are remembered for 24 hours.",
        is_public: false,
        parameters: vec![path("id", "Its id.")],
        answers,
    };
    (give, standing.json())
}

/// What is beside the API on the same port.
fn others() -> Vec<(&'static str, &'static str, Value)> {
    let public = |id, said, parameters, answers: Vec<(u16, Value)>| {
        Operation { id, said, is_public: true, parameters, answers }.json()
    };
    let switched = || (101, json!({ "description": "A WebSocket from here on." }));
    let health = |said: &str| good(said, "application/json", entity("Health"));
    let healthy = vec![(200, health("Serving.")), (503, health("The journal does not write."))];
    let figures = good("Prometheus text.", "text/plain", json!({ "type": "string" }));
    let mut socket = vec![switched()];
    socket.extend(problems(&[400, 401, 403, 426, 503]));
    let mut door = vec![switched()];
    door.extend(problems(&[400, 401, 426]));
    let mut ticket = vec![(200, good("A ticket.", "application/json", entity("Ticket")))];
    ticket.extend(problems(&[401, 403, 500, 503]));
    let said = "A ticket for the socket, good once, for 30 s and the origin that asks.";
    let ticket =
        Operation { id: "ticket", said, is_public: false, parameters: Vec::new(), answers: ticket };
    let this = good("This document.", "application/json", json!({ "type": "object" }));
    let this = [vec![(200, this)], problems(&[403])].concat();
    let name = vec![path("name", "Name of the link.")];
    vec![
        ("GET", "/healthz", public("health", "Whether it serves.", Vec::new(), healthy)),
        ("GET", "/metrics", public("metrics", "Figures.", Vec::new(), vec![(200, figures)])),
        (
            "GET",
            "/v1/events",
            public("events", "The desk socket (asyncapi.json).", Vec::new(), socket),
        ),
        ("GET", "/v1/ari/{name}", public("ari", "Asterisk connects here (Basic).", name, door)),
        ("POST", "/v1/ws-ticket", ticket.json()),
        ("GET", "/v1/openapi.json", public("openapi", "This document.", Vec::new(), this)),
    ]
}

fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let (give, standing) = commands();
    let mut all = others();
    let call = "A call that is live, or one of the newest 4,096 that ended.";
    all.extend([
        ("GET", "/v1/snapshot", snapshot()),
        ("GET", "/v1/calls", list("calls", "Live calls that the caller may see.", "CallPage")),
        ("GET", "/v1/calls/{id}", one("call", call, "Call")),
        ("GET", "/v1/agents", list("agents", "Agents that the caller may see.", "AgentPage")),
        ("GET", "/v1/agents/{id}", one("agent", "An agent.", "Agent")),
        ("GET", "/v1/lines", list("lines", "Carrier lines.", "LinePage")),
        ("GET", "/v1/lines/{id}", one("line", "A carrier line.", "Line")),
        ("GET", "/v1/links", list("links", "Control links to PBXs.", "LinkPage")),
        ("POST", "/v1/commands", give),
        ("GET", "/v1/commands/{id}", standing),
    ]);
    all.extend(super::openapi_dnc::operations());
    all.extend(super::openapi_claims::operations());
    all.extend(super::openapi_gate::operations());
    all
}

fn document() -> Value {
    let mut paths = Map::new();
    for (method, path, operation) in operations() {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = operation;
    }
    let mut schemas = entities();
    schemas.extend(bodies());
    schemas.extend(super::openapi_gate::bodies());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "trunkline",
            "version": "1",
            "description": "docs/http-api.md says what the answers mean. Ignore members that you do \
                            not know. Members of entities that hold a default value are left out.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "certificate": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problem_responses(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A desk token." },
                "certificate": { "type": "mutualTLS",
                    "description": "A client certificate of a configured service." },
            },
        },
    })
}

#[test]
fn the_document_is_what_the_schema_says() {
    super::schema::is_written("openapi.json", "openapi", &document());
}

#[test]
fn every_route_is_in_the_document_and_the_reverse() {
    let routes: BTreeSet<_> = trunkline::io::http::routes().collect();
    let told: BTreeSet<_> = operations().iter().map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(routes, told);
}

#[test]
fn every_route_is_on_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http-api.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (method, path) in trunkline::io::http::routes() {
        let said = format!("`{method} {}`", path.replace("{id}", "ID").replace("{name}", "NAME"));
        let said = said.replace("{number}", "NUMBER");
        assert!(page.contains(&said), "docs/http-api.md lacks {said}");
    }
}
