//! What may count twice: said again at the start, where the backend doesn't remember write keys.

use std::sync::Arc;
use std::time::Duration;

use flowrun_canvas::codes;

use crate::canvases::Opened;
use crate::profiles::{Http, ProfileBackend};

/// How long an endpoint is given to say that it remembers keys.
const PATIENCE: Duration = Duration::from_secs(3);

/// The warnings that hold if it doesn't.
pub struct Twice {
    warnings: Vec<String>,
    /// Whom to ask; nobody: it is known.
    endpoint: Option<Arc<Http>>,
}

impl Twice {
    pub fn of(
        opened: &[Opened],
        backend: Option<&dyn ProfileBackend>,
        endpoint: Option<Arc<Http>>,
    ) -> Twice {
        // The profiles here remember keys, as some plugins do.
        let sure = backend.is_none_or(|backend| backend.about().remembers_keys);
        let all = opened.iter().flat_map(|one| &one.diagnostics);
        let doubtful = all.filter(|one| !sure && one.code == codes::MAY_COUNT_TWICE);
        let said = |one: &flowrun_canvas::Diagnostic| {
            format!("{}: {}: {}", one.code, one.file, one.message)
        };
        Twice { warnings: doubtful.map(said).collect(), endpoint }
    }

    /// Asks, and then tells, without keeping anybody waiting. To be called in a tokio runtime.
    pub fn tell(self) {
        if self.warnings.is_empty() {
            return;
        }
        tokio::spawn(async move {
            if let Some(endpoint) = &self.endpoint {
                let probed = tokio::time::timeout(PATIENCE, endpoint.probe()).await;
                if probed.is_ok_and(|said| said.is_ok_and(|known| known.write_keys)) {
                    return;
                }
            }
            for warning in &self.warnings {
                tracing::warn!("{warning}");
            }
        });
    }
}
