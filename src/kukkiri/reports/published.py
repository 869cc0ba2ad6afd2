"""Published scores of well-known networks as reference points; only numbers from the authors' own tables.

PSNR and SSIM are from the results figures in the official repositories of RCAN (Zhang et al., ECCV 2018; most
rows), EDSR (VDSR and SRResNet), RDN (its blur-down row) and DRLN (RCAN's blur-down row). Parameters were counted
on the official classes. Rows of SRCNN and VDSR come from the protocol ``y-legacy``, the others from ``y-matlab``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kukkiri.metrics import Score

__all__ = ["SOURCE", "Published", "published"]

SOURCE = (
    "Published scores are quoted from the results tables in the official repositories of RCAN (ECCV 2018), "
    "EDSR (CVPRW 2017), RDN (CVPR 2018) and DRLN; parameters were counted on the official classes. SRCNN and VDSR were "
    "measured by protocol y-legacy, the others by y-matlab; y-matlab adds 0.09 dB to the mean of Set14."
)
"""Source of the numbers, for the reader of a report."""

_SETS = ("Set5", "Set14", "B100", "Urban100", "Manga109")
_SIZES = {"Set5": 5, "Set14": 14, "B100": 100, "Urban100": 100, "Manga109": 109}
_BI = {
    2: {
        "SRCNN": (57_281, "36.66/.9542 32.45/.9067 31.36/.8879 29.50/.8946 35.60/.9663"),
        "FSRCNN": (12_809, "37.05/.9560 32.66/.9090 31.53/.8920 29.88/.9020 36.67/.9710"),
        "VDSR": (665_921, "37.53/.9587 33.03/.9124 31.90/.8960 30.76/.9140 37.22/.9750"),
        "EDSR": (40_729_627, "38.11/.9601 33.92/.9195 32.32/.9013 32.93/.9351 39.10/.9773"),
        "D-DBPN": (5_953_526, "38.09/.9600 33.85/.9190 32.27/.9000 32.55/.9324 38.89/.9775"),
        "RDN": (22_123_395, "38.24/.9614 34.01/.9212 32.34/.9017 32.89/.9353 39.18/.9780"),
        "RCAN": (15_444_667, "38.27/.9614 34.12/.9216 32.41/.9027 33.34/.9384 39.44/.9786"),
    },
    3: {
        "SRCNN": (57_281, "32.75/.9090 29.30/.8215 28.41/.7863 26.24/.7989 30.48/.9117"),
        "FSRCNN": (12_809, "33.18/.9140 29.37/.8240 28.53/.7910 26.43/.8080 31.10/.9210"),
        "VDSR": (665_921, "33.66/.9213 29.77/.8314 28.82/.7976 27.14/.8279 32.01/.9340"),
        "EDSR": (43_680_027, "34.65/.9282 30.52/.8462 29.25/.8093 28.80/.8653 34.17/.9476"),
        "RDN": (22_308_035, "34.71/.9296 30.57/.8468 29.26/.8093 28.80/.8653 34.13/.9484"),
        "RCAN": (15_629_307, "34.74/.9299 30.65/.8482 29.32/.8111 29.09/.8702 34.44/.9499"),
    },
    4: {
        "SRCNN": (57_281, "30.48/.8628 27.50/.7513 26.90/.7101 24.52/.7221 27.58/.8555"),
        "FSRCNN": (12_809, "30.72/.8660 27.61/.7550 26.98/.7150 24.62/.7280 27.90/.8610"),
        "VDSR": (665_921, "31.35/.8838 28.01/.7674 27.29/.7251 25.18/.7524 28.83/.8870"),
        "SRResNet": (1_547_350, "32.05/.8910 28.53/.7804 27.57/.7354 26.07/.7839"),
        "EDSR": (43_089_947, "32.46/.8968 28.80/.7876 27.71/.7420 26.64/.8033 31.02/.9148"),
        "D-DBPN": (10_426_358, "32.47/.8980 28.82/.7860 27.72/.7400 26.38/.7946 30.91/.9137"),
        "RDN": (22_271_107, "32.47/.8990 28.81/.7871 27.72/.7419 26.61/.8028 31.00/.9151"),
        "RCAN": (15_592_379, "32.63/.9002 28.87/.7889 27.77/.7436 26.82/.8087 31.22/.9173"),
    },
    8: {
        "SRCNN": (57_281, "25.33/.6900 23.76/.5910 24.13/.5660 21.29/.5440 22.46/.6950"),
        "VDSR": (665_921, "25.93/.7240 24.26/.6140 24.49/.5830 21.70/.5710 23.16/.7250"),
        "D-DBPN": (23_205_878, "27.21/.7840 25.13/.6480 24.88/.6010 22.73/.6312 25.14/.7987"),
        "RCAN": (15_740_091, "27.31/.7878 25.23/.6511 24.98/.6058 23.00/.6452 25.24/.8029"),
    },
}
_BD = {
    3: {
        "SRCNN": (57_281, "32.05/.8944 28.80/.8074 28.13/.7736 25.70/.7770 29.47/.8924"),
        "VDSR": (665_921, "33.25/.9150 29.46/.8244 28.57/.7893 26.61/.8136 31.06/.9234"),
        "RDN": (22_308_035, "34.58/.9280 30.53/.8447 29.23/.8079 28.46/.8582 33.97/.9465"),
        "RCAN": (15_629_307, "34.70/.9288 30.63/.8462 29.32/.8093 28.81/.8647 34.38/.9483"),
    },
}
_TABLES: Mapping[str, Mapping[int, Mapping[str, tuple[int, str]]]] = {"bicubic": _BI, "bd": _BD}


@dataclass(frozen=True)
class Published:
    """Scores of a network on one set, by its authors or by a later table."""

    name: str
    parameters: int
    score: Score


def published(set_name: str, *, images: int, scale: int, protocol: str, degradation: str) -> list[Published]:
    """Published rows that an evaluation may be compared with; none unless the whole set was evaluated in the same way.

    Args:
        set_name: folder name, in any case.
        images: number of images of the evaluation.
        scale: of the upscaling.
        protocol: only ``y-matlab`` and ``y-legacy`` have published rows here.
        degradation: ``bicubic`` or ``bd``.
    """
    name = next((known for known in _SETS if known.lower() == set_name.lower()), None)
    if name is None or images != _SIZES[name] or protocol not in ("y-matlab", "y-legacy"):
        return []
    rows = []
    for network, (parameters, text) in _TABLES.get(degradation, {}).get(scale, {}).items():
        cells = text.split()
        if len(cells) > _SETS.index(name):
            psnr, ssim = cells[_SETS.index(name)].split("/")
            rows.append(Published(network, parameters, Score(float(psnr), float(ssim))))
    return rows
