//! How full the requests to the backend are.

use flowrun_core::batcher::{Limits, Request};
use flowrun_core::trace::Counts;

/// One of the three bins of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bin {
    /// How many objects a request may carry.
    pub limit: u64,
    pub objects: u64,
    /// Requests with any of them.
    pub requests: u64,
}

/// All requests of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Requests {
    pub count: u64,
    pub objects: u64,
    /// Updates, or parts of large ones.
    pub updates: u64,
    /// Requests with an update that had been tried before.
    pub again: u64,
    pub attributes: Bin,
    pub events: Bin,
    pub purchases: Bin,
    /// Requests by how full their fullest bin was, in tenths: up to 10 %, 20 % … 100 %.
    pub fill: [u64; 10],
    pub most: u64,
}

impl Requests {
    pub fn new(limits: Limits) -> Requests {
        let bin = |limit: usize| Bin { limit: limit as u64, ..Bin::default() };
        Requests {
            attributes: bin(limits.attributes),
            events: bin(limits.events),
            purchases: bin(limits.purchases),
            ..Requests::default()
        }
    }

    pub(super) fn add(&mut self, request: &Request) {
        let Counts { attributes, events, purchases } = request.objects;
        let total = request.objects.total() as u64;
        self.count += 1;
        self.objects += total;
        self.most = self.most.max(total);
        self.updates += request.parts.len() as u64;
        self.again += u64::from(request.attempt() > 1);
        let bins = [&mut self.attributes, &mut self.events, &mut self.purchases];
        let mut fullest = 0;
        for (bin, objects) in bins.into_iter().zip([attributes, events, purchases]) {
            let objects = objects as u64;
            bin.objects += objects;
            bin.requests += u64::from(objects > 0);
            fullest = fullest.max((objects * 10).div_ceil(bin.limit.max(1)));
        }
        self.fill[fullest.clamp(1, 10) as usize - 1] += 1;
    }

    /// The bins with their names.
    pub fn bins(&self) -> [(&'static str, Bin); 3] {
        [("attributes", self.attributes), ("events", self.events), ("purchases", self.purchases)]
    }
}
