//! Kinds of days, from the texts of published notices.
