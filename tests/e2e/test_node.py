"""A site node and a laptop in one piece of air, from the sensor profile to the verdict."""

from __future__ import annotations

from pathlib import Path

from tests.e2e import node_demo


def test_a_node_with_six_sensors_and_a_beacon_confirms_who_works_beside_it(tmp_path: Path) -> None:
    said: list[str] = []
    with node_demo.stage(tmp_path) as stack:
        told = node_demo.live(stack, said.append)

    assert told.presence == "confirmed", said
    assert told.findings["beacon"]["direction"] == "supports"
    assert told.findings["hands"]["direction"] == "supports"
    # Six sensors, each with what its datasheet promises; none of them made up.
    assert set(told.sensors) == {"sht4x", "sht3x", "bme280", "aht20", "htu21d", "scd4x"}
    for reading in told.sensors.values():
        assert 18 < reading["temp_c"] < 30
        assert 30 < reading["rh_pct"] < 60
        assert reading["temp_acc_c"] > 0
        assert reading["rh_acc_pct"] > 0
        assert reading["via"] == "i2c"
    assert 990 < told.sensors["bme280"]["pressure_hpa"] < 1030
    assert 300 < told.sensors["scd4x"]["co2_ppm"] < 1200
    # Each identifier lives 15 s; the node says of each slot whether it was on the air.
    assert told.node_slots >= node_demo.AT_WORK_S // 15
