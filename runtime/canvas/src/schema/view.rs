//! A schema with its references followed: one or more JSON objects that all apply.

use serde_json::{Map, Value as Json};

/// A schema as the walker looks at it. No facets: anything goes.
#[derive(Clone, Default)]
pub(super) struct View<'w> {
    facets: Vec<&'w Map<String, Json>>,
    /// Facets whose `oneOf` or `anyOf` was decided already.
    decided: usize,
}

/// A schema that can't be used: a reference to nowhere, or to itself.
pub(super) struct Unusable(pub(super) String);

const MAX_FACETS: usize = 32;

impl<'w> View<'w> {
    pub(super) fn of(root: &'w Json, schema: &'w Json) -> Result<View<'w>, Unusable> {
        let mut view = View::default();
        view.add(root, schema, 0)?;
        Ok(view)
    }

    fn add(&mut self, root: &'w Json, schema: &'w Json, depth: usize) -> Result<(), Unusable> {
        let Some(object) = schema.as_object() else { return Ok(()) };
        if depth > MAX_FACETS || self.facets.len() > MAX_FACETS {
            return Err(Unusable("its references run in a circle".to_owned()));
        }
        self.facets.push(object);
        if let Some(Json::String(reference)) = object.get("$ref") {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            let target = target
                .ok_or_else(|| Unusable(format!("its reference `{reference}` leads nowhere")))?;
            self.add(root, target, depth + 1)?;
        }
        for part in object.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.add(root, part, depth + 1)?;
        }
        Ok(())
    }

    /// This schema with one of its branches chosen.
    pub(super) fn choose(&self, branch: &View<'w>) -> View<'w> {
        let mut chosen = self.clone();
        chosen.decided = chosen.facets.len();
        chosen.facets.extend(&branch.facets);
        // The branch may branch again; what stood before it is decided.
        chosen
    }

    pub(super) fn word(&self, keyword: &str) -> Option<&'w Json> {
        self.facets.iter().find_map(|facet| facet.get(keyword))
    }

    /// The innermost one counts: a branch or a reference says more than what it stands in.
    pub(super) fn text(&self, keyword: &str) -> Option<&'w str> {
        self.facets.iter().rev().find_map(|facet| facet.get(keyword)?.as_str())
    }

    pub(super) fn description(&self) -> Option<&'w str> {
        self.facets.iter().find_map(|facet| facet.get("description")?.as_str())
    }

    pub(super) fn branches(&self) -> Option<&'w [Json]> {
        let open = self.facets.iter().skip(self.decided);
        open.filter_map(|facet| facet.get("oneOf").or_else(|| facet.get("anyOf")))
            .find_map(|branches| branches.as_array())
            .map(Vec::as_slice)
    }

    /// Whether a value of this JSON type is allowed as far as `type` goes.
    pub(super) fn allows(&self, kind: &str) -> bool {
        self.facets.iter().all(|facet| match facet.get("type") {
            Some(Json::String(only)) => is_kind(only, kind),
            Some(Json::Array(any)) => {
                any.iter().filter_map(Json::as_str).any(|one| is_kind(one, kind))
            }
            _ => true,
        })
    }

    /// The types that are named, if any are.
    pub(super) fn kinds(&self) -> Vec<&'w str> {
        match self.word("type") {
            Some(Json::String(only)) => vec![only],
            Some(Json::Array(any)) => any.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The values that `const` and `enum` allow, if one of them stands.
    pub(super) fn values(&self) -> Option<Vec<&'w Json>> {
        if let Some(only) = self.word("const") {
            return Some(vec![only]);
        }
        Some(self.word("enum")?.as_array()?.iter().collect())
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = (&'w str, &'w Json)> {
        let all = self.facets.iter().filter_map(|facet| facet.get("properties")?.as_object());
        all.flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    pub(super) fn property(&self, name: &str) -> Option<&'w Json> {
        self.facets.iter().rev().find_map(|facet| facet.get("properties")?.get(name))
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &'w str> {
        let all = self.facets.iter().filter_map(|facet| facet.get("required")?.as_array());
        all.flatten().filter_map(Json::as_str)
    }

    /// What a key that is no property has to be: `None` where it may not be at all.
    pub(super) fn additional(&self) -> Option<&'w Json> {
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            match self.word(keyword) {
                Some(Json::Bool(false)) => return None,
                Some(schema) => return Some(schema),
                None => {}
            }
        }
        Some(&Json::Bool(true))
    }
}

fn is_kind(allowed: &str, kind: &str) -> bool {
    allowed == kind || (allowed == "number" && kind == "integer")
}
