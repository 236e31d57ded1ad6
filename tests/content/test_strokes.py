"""ORG-10: formal lists go by the strokes of surnames, equal counts by their shapes, what is not known last."""

from __future__ import annotations

from content.strokes import _SURNAMES, by_strokes, is_placed, unplaced


def test_the_oracles_of_the_rule_come_in_their_order() -> None:
    """ORG-10: 王丽 (4), 李强 (7, 横), 张明 (7, 折)."""
    assert sorted(["张明", "王丽", "李强"], key=by_strokes) == ["王丽", "李强", "张明"]
    names = ["诸葛亮", "丁一", "欧阳修", "艾青", "于洋"]
    assert sorted(names, key=by_strokes) == ["丁一", "于洋", "艾青", "欧阳修", "诸葛亮"]


def test_one_surname_stays_together_and_each_has_one_place() -> None:
    surnames = [name[0] for name in sorted(["李强", "王丽", "李明", "王刚"], key=by_strokes)]
    assert surnames == ["王", "王", "李", "李"]
    characters = "".join(_SURNAMES)
    assert len(set(characters)) == len(characters) > 500


def test_a_name_of_which_nothing_is_known_stands_last_and_is_named() -> None:
    names = ["Zoë", "王丽", "䶮三", ""]
    assert sorted(names, key=by_strokes)[0] == "王丽"
    assert (is_placed("王丽"), is_placed("")) == (True, False)
    assert unplaced(names) == ("", "Zoë", "䶮三")
