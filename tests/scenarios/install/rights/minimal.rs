//! Each right is there for something that does not happen without it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rstest::rstest;
use warden_testbed::{ControlPlane, eventually};

use super::super::plane;
use super::grant::{Right, Roles};
use super::play::Scenario;
use super::trial::Trial;
use crate::scene::LONG;

/// The API group of the webhook configurations.
const ADMISSION: &str = "admissionregistration.k8s.io";

/// What each right is for: verb, resource, API group.
const NEEDED: [(&str, &str, &str, Scenario); 36] = [
    ("get", "namespaces", "", Scenario::ANamespaceThatNoWatchHasShownIsHeeded),
    ("list", "namespaces", "", Scenario::ItGetsReady),
    ("watch", "namespaces", "", Scenario::ANamespaceThatChangesIsHeeded),
    ("get", "nodes", "", Scenario::ThePodOfADepartedBaseIsDeleted),
    ("list", "nodes", "", Scenario::ItGetsReady),
    ("watch", "nodes", "", Scenario::ABaseThatJoinsIsFollowed),
    ("list", "pods", "", Scenario::ItGetsReady),
    ("watch", "pods", "", Scenario::ThePodOfADepartedBaseIsDeleted),
    ("patch", "pods", "", Scenario::ThePodOfADepartedBaseIsDeleted),
    ("delete", "pods", "", Scenario::ThePodOfADepartedBaseIsDeleted),
    ("get", "deployments", "apps", Scenario::ThePodOfADepartedBaseIsDeleted),
    ("list", "deployments", "apps", Scenario::ItGetsReady),
    ("watch", "deployments", "apps", Scenario::ADeploymentMadeLaterIsFilled),
    ("patch", "deployments", "apps", Scenario::TheDeploymentSaysHowItStands),
    ("update", "deployments/scale", "apps", Scenario::ABaseThatJoinsIsFollowed),
    ("list", "statefulsets", "apps", Scenario::AStatefulSetIsFollowed),
    ("watch", "statefulsets", "apps", Scenario::AStatefulSetIsFollowed),
    ("list", "replicasets", "apps", Scenario::ADeploymentIsReleased),
    ("list", "controllerrevisions", "apps", Scenario::AStatefulSetIsReleased),
    ("list", "limitranges", "", Scenario::ALimitRangeIsHeeded),
    ("create", "events", "events.k8s.io", Scenario::AnEventTellsWhatWasDone),
    ("patch", "events", "events.k8s.io", Scenario::TheSameEventIsCounted),
    ("list", "mutatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("watch", "mutatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("patch", "mutatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("list", "validatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("watch", "validatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("patch", "validatingwebhookconfigurations", ADMISSION, Scenario::TheApiServerTrustsItAndIsAnswered),
    ("create", "leases", "coordination.k8s.io", Scenario::DeletedLeasesAreMadeAgain),
    ("get", "leases", "coordination.k8s.io", Scenario::TheLeasesThatAreThereAreTaken),
    ("update", "leases", "coordination.k8s.io", Scenario::TheLeasesThatAreThereAreTaken),
    ("list", "secrets", "", Scenario::TheApiServerTrustsItAndIsAnswered),
    ("watch", "secrets", "", Scenario::TheApiServerTrustsItAndIsAnswered),
    ("create", "secrets", "", Scenario::ADeletedSecretIsMadeAgain),
    ("update", "secrets", "", Scenario::TheApiServerTrustsItAndIsAnswered),
    ("patch", "secrets", "", Scenario::ADeletedSecretIsMadeAgain),
];

/// How many scenarios that take no controllers are played at a time.
const AT_A_TIME: usize = 3;

/// A scenario has failed when warden was refused the right, and then it does not end within what all of it takes with
/// all rights, and this.
const A_WHILE: Duration = Duration::from_secs(1);

/// The rights that ship, and for each of them a scenario.
fn needed() -> Vec<(Right, Scenario)> {
    NEEDED.iter().map(|&(verb, resource, group, what)| (Right::new(verb, resource, group), what)).collect()
}

#[test]
fn each_right_has_a_scenario() -> Result<()> {
    let named: BTreeSet<Right> = needed().into_iter().map(|(right, _)| right).collect();
    similar_asserts::assert_eq!(named, Roles::shipped()?.rights());
    Ok(())
}

/// In three parts, each on a control plane of its own: controllers would work on the Deployments of other trials too, and so
/// have theirs to themselves.
#[rstest]
#[case::without_controllers(|scenario: Scenario| !scenario.takes_controllers(), AT_A_TIME)]
#[case::of_a_departure(|scenario: Scenario| scenario == Scenario::ThePodOfADepartedBaseIsDeleted, 1)]
#[case::of_all_else(|scenario: Scenario| scenario.takes_controllers() && scenario != Scenario::ThePodOfADepartedBaseIsDeleted, 1)]
#[tokio::test]
async fn with_one_right_less_a_scenario_fails(
    #[case] is_of_this_part: fn(Scenario) -> bool,
    #[case] at_a_time: usize,
) -> Result<()> {
    // Given the rights that ship
    let roles = Roles::shipped()?;
    let trials = Trials { plane: &plane().await?, roles: &roles };
    let needed: Vec<_> = needed().into_iter().filter(|&(_, scenario)| is_of_this_part(scenario)).collect();
    ensure!(!needed.is_empty());
    // When each scenario is played with all of them, and then without the one that it is for
    trials.of_all(needed, at_a_time).await?;
    // Then it goes well with all, and fails for the one
    Ok(())
}

/// Trials on one control plane.
struct Trials<'t> {
    plane: &'t ControlPlane,
    roles: &'t Roles,
}

impl Trials<'_> {
    /// Tries each, so many at a time.
    async fn of_all(&self, needed: Vec<(Right, Scenario)>, at_a_time: usize) -> Result<()> {
        let scenarios: BTreeSet<Scenario> = needed.iter().map(|&(_, scenario)| scenario).collect();
        let played = scenarios.into_iter().map(async |scenario| {
            let took = self.goes_well(scenario).await.with_context(|| format!("{scenario:?} with all rights"))?;
            anyhow::Ok((scenario, took))
        });
        let took: Vec<_> = stream::iter(played).buffered(at_a_time).try_collect().await?;
        let tried = needed.into_iter().map(async |(right, scenario)| {
            let usual = took.iter().find(|(other, _)| *other == scenario).map(|(_, took)| *took).unwrap_or_default();
            self.fails(&right, scenario, usual).await.with_context(|| format!("{scenario:?} without {right}"))
        });
        stream::iter(tried).buffered(at_a_time).try_collect::<()>().await
    }

    /// Plays a scenario with all rights. Gives how long it took.
    async fn goes_well(&self, scenario: Scenario) -> Result<Duration> {
        let trial = self.trial(None).await?;
        let began = Instant::now();
        scenario.play(&trial).await.with_context(|| trial.log_tail())?;
        let took = began.elapsed();
        let refused = trial.refused()?;
        ensure!(refused.is_empty(), "it lacks {refused:?}");
        trial.ends().await?;
        println!("with all rights: {scenario:?} in {took:.1?}");
        Ok(took)
    }

    /// Plays a scenario with one right less, and sees that it fails for that and nothing else.
    async fn fails(&self, less: &Right, scenario: Scenario, usual: Duration) -> Result<()> {
        let trial = self.trial(Some(less)).await?;
        let mut since = None;
        let too_late = eventually("warden is refused", LONG, async || {
            let refused = trial.refused().map_err(|error| error.to_string())?;
            if refused.contains(less) && since.get_or_insert_with(Instant::now).elapsed() > usual + A_WHILE {
                return Ok(());
            }
            Err(format!("{refused:?}"))
        });
        tokio::select! {
            played = scenario.play(&trial) => {
                played.with_context(|| trial.log_tail())?;
                bail!("it goes well");
            }
            refused = too_late => refused.with_context(|| trial.log_tail())?,
        }
        let refused = trial.refused()?;
        ensure!(refused == BTreeSet::from([less.clone()]), "it lacks {refused:?}");
        println!("without {less}: {scenario:?} fails, waiting until {}", trial.awaits());
        trial.ends().await
    }

    async fn trial(&self, less: Option<&Right>) -> Result<Trial<'_>> {
        let name = self.plane.namespace("trial").await?;
        Trial::install(self.plane, name, self.roles, less).await
    }
}
