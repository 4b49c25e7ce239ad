//! Outgoing bytes made from received ones by an ordered list of edits applied once: what no edit
//! names stays as it was, to the byte.

mod request;
mod response;
mod splice;

pub use request::{
    RouteEdits, bound_max_breadth, ensure_length, insert_route_mark, lower_cseq,
    lower_max_forwards, note_source, push_via, raise_cseq, replace_uri, route_edits, strip_headers,
    value_uri, via_line,
};
pub use response::{pop_via, replace_status, second_via};
pub use splice::Edits;
