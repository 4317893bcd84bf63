"""Which Python `patchbay doctor` holds for a fast one."""

import pytest

from services.cli.doctor.host import is_optimized


@pytest.mark.parametrize(
    ("built_with", "installed_in", "optimized"),
    [
        pytest.param(
            "'--enable-shared' '--prefix=/usr' '--enable-ipv6'", "/usr", True, id="Debian"
        ),
        pytest.param("'--enable-optimizations' '--with-lto'", "/usr/local", True, id="image"),
        pytest.param("'--prefix=/home/ada/.pyenv/versions/3.11.7'", "/home/ada", False, id="pyenv"),
        pytest.param("", "/opt/python", False, id="unknown"),
    ],
)
def test_a_python_is_optimized_if_it_says_so_or_is_the_system_s(
    built_with: str, installed_in: str, *, optimized: bool
) -> None:
    assert is_optimized(built_with, installed_in) is optimized
