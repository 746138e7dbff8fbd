//! An owner's share of the fleet: what the policy grants, and what is spent of it.

use super::FleetPolicy;
use crate::domain::Owner;
use crate::domain::book::Book;

/// What an owner may choose for a new store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Plans, in the policy's order.
    pub plans: Vec<String>,
    /// Engines, in the policy's order.
    pub engines: Vec<String>,
}

impl FleetPolicy {
    /// How many stores an owner may have.
    pub fn stores_of(&self, owner: &Owner) -> u32 {
        let own = self.owners.get(owner).and_then(|it| it.stores_per_owner);
        own.unwrap_or(self.limits.stores_per_owner)
    }

    /// How many price units an owner may use; none: as many as he likes.
    pub fn budget_of(&self, owner: &Owner) -> Option<u32> {
        self.owners.get(owner)?.budget
    }

    /// How many price units an owner's stores use.
    pub fn spent_by(&self, book: &Book, owner: &Owner) -> u64 {
        let price = |plan: &str| self.plans.get(plan).map_or(0, |it| u64::from(it.price));
        book.plans_of(owner).map(price).sum()
    }

    /// What an owner may choose for a new store: allowed, on offer, and offered together with something allowed.
    pub fn offered_to(&self, owner: &Owner) -> Offered {
        let own = self.owners.get(owner);
        let may = |list: Option<&Vec<String>>, name: &String| {
            list.is_none_or(|it| it.is_empty() || it.contains(name))
        };
        let engines = self.engines.keys();
        let engines: Vec<String> = engines
            .filter(|it| may(own.map(|own| &own.engines), it))
            .cloned()
            .collect();
        let plans = self.plans.iter().filter(|(name, plan)| {
            let useful = plan.engines.keys().any(|it| engines.contains(it));
            !plan.withdrawn && useful && may(own.map(|own| &own.plans), name)
        });
        Offered {
            plans: plans.map(|(name, _)| name.clone()).collect(),
            engines,
        }
    }
}
