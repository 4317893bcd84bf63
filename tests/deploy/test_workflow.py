"""What CI runs: every test with all it needs, and an audit that somebody has answered."""

from tests.deploy.documents import ROOT, load

(WORKFLOW,) = load(ROOT / ".github/workflows/ci.yml")


def test_the_tests_have_the_history_that_they_build_the_release_before_from():
    job = job_that_runs(".ci/run")
    (checkout,) = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout@")]

    assert checkout["with"]["fetch-depth"] == 0


def test_an_audit_that_nobody_answers_fails():
    job = job_that_runs("make audit")
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile[makefile.index("\naudit:") :].split("\n\n")[0]

    assert "--strict" in recipe
    assert "continue-on-error" not in job


def job_that_runs(command):
    (job,) = [
        job
        for job in WORKFLOW["jobs"].values()
        if any(step.get("run") == command for step in job["steps"])
    ]
    return job
