"""PSNR and CPU seconds of adaptation: the tables and the curve of docs/results/adaptation.md.

    python benchmarks/adaptation.py seconds IMAGE      ZSSR against initializations: CPU seconds to the same PSNR
    python benchmarks/adaptation.py table FOLDER       bicubic, networks, ZSSR, initializations (0, 1, 10 steps)
    python benchmarks/adaptation.py steps FOLDER -o CURVE.svg    PSNR against steps 0 to 10

Kernels as in MZSR (variances); protocol y-mzsr. Scores of FOLDER are kept in the cache of ``kukkiri evaluate``.
"""

import argparse
import math
import time
from html import escape
from pathlib import Path

import numpy as np
import torch

from kukkiri.adaptation import adapt, initializations_for
from kukkiri.adaptation.contenders import adapting_models
from kukkiri.degradations import Degradation
from kukkiri.evaluation import default_cache_folder, evaluate_many
from kukkiri.images import read_image
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS

CASES = {
    "bicubic": "bicubic",
    "g0.2 direct": "gaussian:0.2+direct",
    "g2.0 direct": "gaussian:2.0+direct",
    "ani direct": "gaussian:4.0,1.0,-0.5+direct",
    "g1.3 bicubic": "gaussian:1.3+bicubic",
}
OTHERS = {"disk direct": "disk:2.0+direct", "motion direct": "motion:6.0,0.5+direct"}
"""Blurs that no initialization was trained on; columns only where ``--cases`` names them."""
PUBLISHED = {  # MZSR, CVPR 2020, tables 1 and 2, and its figure for x4; in the order of CASES
    ("Set5", 2): {
        "RCAN": ("38.18/.9604", "28.40/.8618", "29.15/.8601", "28.42/.8379", "31.54/.8992"),
        "ZSSR": ("36.93/.9554", "34.29/.9373", "34.90/.9397", "33.96/.9307", "35.24/.9434"),
        "MZSR(1)": ("36.77/.9549", "33.14/.9277", "35.20/.9398", "34.05/.9271", "35.18/.9430"),
        "MZSR(10)": ("37.25/.9567", "33.74/.9301", "36.05/.9439", "34.78/.9323", "36.64/.9498"),
    },
    ("B100", 2): {
        "RCAN": ("32.38/.9018", "25.16/.7602", "26.89/.7394", "26.22/.7062", "28.27/.7904"),
        "ZSSR": ("31.43/.8901", "29.35/.8465", "30.57/.8712", "29.72/.8479", "30.74/.8743"),
        "MZSR(1)": ("31.33/.8910", "28.74/.8389", "30.58/.8627", "28.82/.8013", "29.02/.8544"),
        "MZSR(10)": ("31.64/.8928", "29.03/.8415", "31.09/.8739", "29.54/.8297", "31.25/.8818"),
    },
    ("Set5", 4): {
        "RCAN": ("", "", "23.92/.7283", "", ""),
        "ZSSR": ("", "", "27.39/.7685", "", ""),
        "MZSR(1)": ("", "", "30.20/.8655", "", ""),
        "MZSR(10)": ("", "", "30.50/.8704", "", ""),
    },
}
RULE = PROTOCOLS["y-mzsr"]
COLOURS = ("#0b5fb4", "#b4410b", "#1d7a46", "#7a1d6d", "#666666", "#8a6d00")


def shipped(text, scale):
    return initializations_for(Degradation.parse(text), scale=scale)


def clocked(lr, text, scale, **arguments):
    """The result, the fit, and the seconds of CPU and of wall time for training and upscaling."""
    begun, wall = time.process_time(), time.perf_counter()
    adapted = adapt(lr, scale=scale, kernel=text, guarded=False, **arguments)
    sr = adapted(lr)
    return sr, adapted.fit, time.process_time() - begun, time.perf_counter() - wall


def seconds(arguments):
    """CPU seconds of ZSSR until it stops, then of every initialization step by step."""
    scale, text = arguments.scale, CASES.get(arguments.degradation, arguments.degradation)
    hr = read_image(arguments.image).to_array()
    side = 256 * scale
    top, left = ((length - side) // 2 for length in hr.shape[:2])
    hr = np.ascontiguousarray(hr[top : top + side, left : left + side])
    lr = Degradation.parse(text).apply(hr, scale=scale, seed=0)
    print(f"{lr.shape[1]}x{lr.shape[0]} LR pixels of {arguments.image.stem}, x{scale}, {text}; CPU seconds, one thread")
    bicubic = RULE.score(hr, Upscaler("bicubic", scale=scale)(lr), scale=scale)
    print("| method | steps | PSNR | seconds | ZSSR / this |\n|---|---:|---:|---:|---:|")
    print(f"| bicubic | | {bicubic.psnr:.2f} | | |", flush=True)
    goal = spent = 0.0
    for precision in arguments.precision or ["float32"]:
        sr, fit, took, wall = clocked(lr, text, scale, method="zssr", steps=arguments.steps, precision=precision)
        psnr = RULE.score(hr, sr, scale=scale).psnr
        goal, spent = goal or psnr, spent or took
        name = f"ZSSR in {precision}, stopped by {fit.stopped}"
        print(
            f"| {name} | {fit.steps} | {psnr:.2f} | {took:.1f} ({wall:.0f} of wall time) | {spent / took:.1f} |",
            flush=True,
        )
    for initialization in [*shipped(text, scale), *arguments.initialization]:
        clocked(lr[:64, :64], text, scale, initialization=initialization, steps=1)  # warms up
        reached = False
        for steps in range(11):
            sr, _, took, _ = clocked(lr, text, scale, initialization=initialization, steps=steps)
            psnr = RULE.score(hr, sr, scale=scale).psnr
            first = psnr >= goal and not reached
            reached |= first
            if first or steps in (0, 1, 10):
                mark = " first at ZSSR's PSNR" if first else ""
                name = Path(initialization).stem
                print(f"| {name}{mark} | {steps} | {psnr:.2f} | {took:.2f} | {spent / took:.0f} |", flush=True)


def adapting(*, methods=(), initializations=(), steps=(), projections=None, precision=None):
    """Models as of kukkiri evaluate-adapted; none for nothing given."""
    return adapting_models(
        methods,
        initializations,
        steps=steps,
        seed=0,
        projections=projections,
        threads=torch.get_num_threads(),
        precision=precision,
    )


def scored(models, text, arguments):
    """The mean scores of models on the set, by name."""
    found = evaluate_many(
        models,
        data=arguments.folder,
        scales=[arguments.scale],
        protocol="y-mzsr",
        degradation=text,
        cache=default_cache_folder(),
        report=lambda image: (
            print(f"{text} {image.model} {image.image}: {image.score.psnr:.3f}", flush=True)
            if arguments.verbose
            else None
        ),
    )
    return {evaluation.model: next(iter(evaluation.sets.values())).mean for evaluation in found}


def table(arguments):
    """One row for a method, one column for a degradation."""
    known = {**CASES, **OTHERS}
    cases = {name: known[name] for name in arguments.cases.split(",")} if arguments.cases else CASES
    rows = {}
    for text in cases.values():
        initializations = [*shipped(text, arguments.scale), *arguments.initialization]
        models = ["bicubic", *arguments.model, *adapting(initializations=initializations, steps=[0, 1, 10])]
        if arguments.projections:
            models += adapting(initializations=initializations, steps=[10], projections=arguments.projections)
        if arguments.zssr is not None:
            models += adapting(methods=["zssr"], steps=[arguments.zssr], precision=arguments.precision)
        for name, mean in scored(models, text, arguments).items():
            name = name.replace("-direct", "").replace("-bicubic", "")
            rows.setdefault(name, {})[text] = f"{mean.psnr:.2f}/{mean.ssim:.4f}".replace("/0.", "/.")
    print(f"| {arguments.folder.name}, x{arguments.scale}, y-mzsr | {' | '.join(cases)} |")
    print("|---|" + "---|" * len(cases))
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells.get(text, '') for text in cases.values())} |")
    for name, values in PUBLISHED.get((arguments.folder.name, arguments.scale), {}).items():
        by_case = dict(zip(CASES, values, strict=True))
        if not any(by_case.get(case) for case in cases):
            continue
        print(f"| {name}, published | {' | '.join(by_case.get(case, '') for case in cases)} |")


def steps(arguments):
    """PSNR after 0 to 10 steps, of the initializations that ``adapt`` uses, as numbers and as a plot."""
    curves = {}
    cases = arguments.cases.split(",") if arguments.cases else ["g0.2 direct", "g2.0 direct", "ani direct"]
    for case in cases:
        text = {**CASES, **OTHERS}[case]
        for initialization in arguments.initialization or shipped(text, arguments.scale)[:1]:
            means = scored(adapting(initializations=[initialization], steps=range(11)), text, arguments)
            name = case if len(arguments.initialization) < 2 else f"{case}, {Path(initialization).stem}"
            curves[name] = [mean.psnr for mean in means.values()]
            print(f"{name}: " + " ".join(f"{value:.2f}" for value in curves[name]), flush=True)
    if arguments.output:
        arguments.output.write_text(plot(curves), encoding="utf-8")


def plot(curves):
    """Lines over the steps 0 to 10, as SVG."""
    width, height, left, right, top, bottom = 640, 360, 52, 120, 14, 44
    values = [value for curve in curves.values() for value in curve]
    low, high = math.floor(min(values)), math.ceil(max(values))

    def x(step):
        return left + step / 10 * (width - left - right)

    def y(value):
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    parts = [f'<rect width="{width}" height="{height}" fill="white"/>']
    grid = max(1, round((high - low) / 8))
    for value in range(low, high + 1, grid):
        parts.append(f'<path d="M{left} {y(value):.1f}H{width - right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    under = height - bottom + 18
    parts += [f'<text x="{x(step):.1f}" y="{under}" text-anchor="middle">{step}</text>' for step in range(11)]
    floor = -math.inf
    for number, (name, curve) in sorted(enumerate(curves.items()), key=lambda entry: -entry[1][1][-1]):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in enumerate(curve))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(i):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for i, value in enumerate(curve)
        ]
        floor = max(y(curve[-1]) + 4, floor + 15)
        parts.append(f'<text x="{width - right + 8}" y="{floor:.1f}" fill="{colour}">{escape(name)}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 8}" text-anchor="middle">steps</text>')
    parts.append(f'<text transform="translate(14 {height / 2}) rotate(-90)" text-anchor="middle">PSNR (dB)</text>')
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>{"".join(parts)}</svg>\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(required=True)
    for function, place in ((seconds, "image"), (table, "folder"), (steps, "folder")):
        mode = modes.add_parser(function.__name__, help=function.__doc__)
        mode.set_defaults(run=function)
        mode.add_argument(place, type=Path)
        mode.add_argument("--scale", type=int, default=2)
        mode.add_argument(
            "--initialization", action="append", default=[], help="an initialization by id or file; repeatable"
        )
        mode.add_argument("--threads", type=int, default=1)
        if function is seconds:
            mode.add_argument("--degradation", default="g2.0 direct", help="a column of the table, or a degradation")
            mode.add_argument("--steps", type=int, default=3000, help="of ZSSR, at most")
            mode.add_argument("--precision", action="append", help="of ZSSR, float32 or bfloat16; repeatable")
        else:
            mode.add_argument("--cases", help="columns of the table, with commas between")
            mode.add_argument("--verbose", action="store_true")
        if function is table:
            mode.add_argument("--model", action="append", default=[], help="a model that does not adapt; repeatable")
            mode.add_argument("--projections", type=int, help="also 10 steps with this number of back-projections")
            mode.add_argument("--zssr", type=int, help="also ZSSR, with at most this number of steps")
            mode.add_argument("--precision", help="of ZSSR, float32 or bfloat16")
        if function is steps:
            mode.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.run(arguments)


if __name__ == "__main__":
    main()
