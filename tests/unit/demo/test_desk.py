"""The desk that is derived from the log."""

from dataclasses import replace
from datetime import UTC, datetime

from services.demo.desk import MIN_FOR_A_RULE, derive_desk
from services.demo.incident import Incident, load_incidents
from shared.schemas.agent import CreateAgentSchema
from shared.schemas.rules import PutRulesSchema
from shared.schemas.team import CreateSkillSchema, CreateTeamSchema

SOLVED = Incident(
    id="INC1",
    opened_at=datetime(2016, 3, 1, tzinfo=UTC),
    channel="Phone",
    requester="Caller 1",
    category="Category 1",
    subcategory="Subcategory 1",
    impact="2 - Medium",
    urgency="2 - Medium",
    priority="3 - Moderate",
    group_first="Group 1",
    group_final="Group 1",
    agent_final="Resolver 1",
    resolved_at=datetime(2016, 3, 2, tzinfo=UTC),
    reassignments=0,
    reopens=0,
)


def test_the_api_accepts_the_whole_desk() -> None:
    desk = derive_desk(load_incidents())
    CreateTeamSchema(many=True).load(desk.teams)
    CreateSkillSchema(many=True).load(desk.skills)
    CreateAgentSchema(many=True).load(desk.agents)
    PutRulesSchema().load({"rules": desk.rules})


def test_everything_that_is_referred_to_exists_once() -> None:
    desk = derive_desk(load_incidents())
    teams, skills = [t["name"] for t in desk.teams], [s["name"] for s in desk.skills]
    for names in (teams, skills, [agent["email"] for agent in desk.agents]):
        assert len(names) == len(set(names))
    for agent in desk.agents:
        assert set(agent["teams"]) <= set(teams)
        assert {skill["skill"] for skill in agent["skills"]} <= set(skills)


def test_a_rule_asks_only_for_what_somebody_in_its_team_can_do() -> None:
    desk = derive_desk(load_incidents())
    for rule in desk.rules:
        for needed in rule["then"].get("required_skills", ()):
            assert any(
                rule["then"]["team"] in agent["teams"]
                and needed["skill"] in {skill["skill"] for skill in agent["skills"]}
                for agent in desk.agents
            )


def test_a_category_goes_to_the_group_that_solved_most_of_it() -> None:
    elsewhere = replace(SOLVED, group_final="Group 2", agent_final="Resolver 2")
    (rule,) = derive_desk([SOLVED, SOLVED, elsewhere]).rules
    assert rule["when"] == 'ticket.category == "category-1"'
    assert rule["then"] == {
        "team": "group-1",
        "stop": True,
        "required_skills": [{"skill": "category-1", "level": 1}],
    }


def test_subcategories_that_went_elsewhere_come_first() -> None:
    exception = replace(SOLVED, subcategory="Subcategory 2", group_final="Group 2")
    rules = derive_desk([SOLVED] * 20 + [exception] * MIN_FOR_A_RULE).rules
    assert [rule["then"]["team"] for rule in rules] == ["group-2", "group-1"]
    assert rules[0]["when"] == (
        'ticket.category == "category-1" && ticket.product in ["subcategory-2"]'
    )


def test_a_team_where_nobody_is_known_is_not_asked_for_a_skill() -> None:
    (rule,) = derive_desk([replace(SOLVED, agent_final=None)]).rules
    assert "required_skills" not in rule["then"]


def test_whoever_solved_more_is_better_at_it() -> None:
    levels = [
        derive_desk([SOLVED] * count).agents[0]["skills"][0]["level"] for count in (1, 3, 8, 20, 50)
    ]
    assert levels == [1, 2, 3, 4, 5]
