"""Positions on the WGS-84 ellipsoid."""

from __future__ import annotations

from geographiclib.geodesic import Geodesic


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Length of the geodesic between two positions in degrees (Karney, J. Geod. 87 (2013) 43)."""
    line = Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2, Geodesic.DISTANCE)
    return float(line["s12"])


def is_position(latitude: float, longitude: float) -> bool:
    """Whether it can be one: 0, 0 is what broken sources say for "no position", and NaN fails
    each comparison."""
    return (
        -90 <= latitude <= 90
        and -180 <= longitude <= 180
        and (abs(latitude) > 1e-9 or abs(longitude) > 1e-9)
    )
