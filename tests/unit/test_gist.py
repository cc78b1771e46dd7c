"""What of an abstract a reader sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.gist import LONGEST, gist
from newsletter.rendering.tex import to_unicode
from tests.seed_papers import seed_papers

FIELD = "Kites matter to many people. "

OPENERS = [
    ("To this end, we propose Kite.", "We propose Kite."),
    ("To this end, in this paper, we propose Kite.", "In this paper, we propose Kite."),
    ("To address these long-standing issues, we present Kite.", "We present Kite."),
    ("To close this gap, we present Kite.", "We present Kite."),
    ("In response to these limits of string, we introduce Kite.", "We introduce Kite."),
    ("Motivated by this, we introduce Kite.", "We introduce Kite."),
    ("Based on the observation, we propose Kite.", "We propose Kite."),
    ("Thus we propose Kite.", "We propose Kite."),
    ("Therefore, this paper tells of Kite.", "This paper tells of Kite."),
    ("However, we propose Kite.", "We propose Kite."),
    ("Specifically, we propose Kite.", "We propose Kite."),
    ("Hence, our method flies.", "Our method flies."),
    ("Thus, xKite is what this paper is about.", "xKite is what this paper is about."),
    ("In this paper, we propose Kite.", "In this paper, we propose Kite."),
    ("To fly kites in rain, we propose Kite.", "To fly kites in rain, we propose Kite."),
    ("We then fly and propose Kite.", "We fly and propose Kite."),
    ("Thus far this work is the first.", "Thus far this work is the first."),
]


@pytest.mark.parametrize(("told", "shown"), OPENERS)
def test_the_first_sentence_stands_alone(told: str, shown: str) -> None:
    """An opener that hangs on the sentence before goes; one that says something stays."""
    assert gist(FIELD + told) == shown


CHOSEN = {
    "the work before the finding": (
        FIELD + "While strings are long, we find that they tear. We propose Kite.",
        "We propose Kite.",
    ),
    "a study where nothing was made": (
        FIELD + "We study how kites fall. They fall slowly in rain.",
        "We study how kites fall. They fall slowly in rain.",
    ),
    "figures before words": (
        FIELD + "We propose Kite. It has a tail. Experiments show that it flies well. "
        "Moreover, Kite flies 12.5% higher than paper.",
        "We propose Kite. Kite flies 12.5% higher than paper.",
    ),
    "a result before the next sentence": (
        FIELD + "We propose Kite. It has a tail. Kite outperforms all paper.",
        "We propose Kite. Kite outperforms all paper.",
    ),
    "no result that points at what is not shown": (
        FIELD + "We propose Kite. Its tail is long. This improves the flight.",
        "We propose Kite. Its tail is long.",
    ),
    "no link, label or list": (
        FIELD + "We propose Kite. Findings. (1) Strings tear. The code is available at once.",
        "We propose Kite.",
    ),
    "a missing space": (
        FIELD + "We propose Kite, a new paradigm.This paper-like kite flies on and on.",
        "We propose Kite, a new paradigm. This paper-like kite flies on and on.",
    ),
    "nothing of their own": (
        FIELD + "However, wind is rare. So is string.",
        FIELD + "However, wind is rare.",
    ),
    "no room for a second": (
        FIELD + "We propose " + "very " * 65 + "good kites. They fly much higher.",
        "We propose " + "very " * 65 + "good kites.",
    ),
    "one that is too long": (
        FIELD + "We propose " + "quite " * 80 + "good kites.",
        "We propose" + " quite" * 58 + "…",
    ),
    "the head of a list that is too long": (
        FIELD + "We propose Kite, in steps: (i) one is " + "very " * 80 + "long. (ii) One is not. "
        "In conclusion, Kite flies higher.",
        "We propose Kite, in steps. Kite flies higher.",
    ),
    "no number of a bibliography": (
        FIELD + "We propose Kite. It flies 2% higher than Bird [29] in winds of [0, 1].",
        "We propose Kite. It flies 2% higher than Bird in winds of [0, 1].",
    ),
    "one sentence": ("Kites matter", "Kites matter"),
    "none": ("", ""),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_two_sentences_are_chosen(case: str) -> None:
    """What was done, and what came of it."""
    abstract, shown = CHOSEN[case]
    assert gist(abstract) == shown


@given(st.lists(st.sampled_from([*FIELD.split(), "We", "propose", "3%", "improves", "x" * 80])))
def test_a_gist_is_short_and_of_whole_words(words: list[str]) -> None:
    """Never longer than LONGEST, and nothing but words of the abstract."""
    shown = gist(" ".join(words))
    assert len(shown) <= LONGEST
    assert {word.rstrip("….").lower() for word in shown.split()} <= {
        word.rstrip(".").lower() for word in words
    }


GOLDEN = {
    "Implicit Temporal": (
        "In this paper, we proposed a novel Implicit Learnable Alignment (ILA) method, which "
        "minimizes the temporal modeling effort while achieving incredibly high performance. "
        "The proposed ILA achieves a top-1 accuracy of 88.7% on Kinetics-400 with much fewer "
        "FLOPs compared with Swin-L and ViViT-H."
    ),
    "The Unlocking": (
        "We introduce a simple, tuning-free alignment method, URIAL. URIAL achieves effective "
        "alignment purely through in-context learning (ICL) with base LLMs, requiring as few "
        "as three constant stylistic examples and a system prompt."
    ),
    "I-SHEEP": (
        "In this paper, we introduce I-SHEEP, an Iterative Self-EnHancEmEnt Paradigm. I-SHEEP "
        "achieves a maximum relative improvement of 78.2% in the Alpaca Eval, 24.0% in the MT "
        "Bench, and an absolute increase of 8.88% in the IFEval accuracy over subsequent "
        "iterations in Qwen-1.5 72B model."
    ),
    "CycleAlign": (
        "We introduce CycleAlign to distill alignment capabilities from parameter-invisible "
        "LLMs (black-box) to a parameter-visible model (white-box) in an iterative manner. "
        "Empirical results illustrate that the model fine-tuned by CycleAlign remarkably "
        "exceeds existing methods, and achieves the state-of-the-art performance in alignment "
        "with human value."
    ),
    "LoFiT": (
        "In this work, we show that localized fine-tuning serves as an effective alternative "
        "to such representation intervention methods. For the tasks we study, LoFiT achieves "
        "comparable performance to other parameter-efficient fine-tuning methods such as "
        "LoRA, despite modifying 20x-200x fewer parameters than these methods."
    ),
    "Align With": (
        "We propose Align With Purpose, a general Plug-and-Play framework for enhancing a "
        "desired property in models trained with the CTC criterion. We do that by "
        "complementing the CTC with an additional loss term that prioritizes alignments "
        "according to a desired property."
    ),
    "LiPO": (
        "In this work, we formulate the LM alignment as a listwise ranking problem and "
        "describe the Listwise Preference Optimization (LiPO) framework, where the policy can "
        "potentially learn more effectively from a ranked list of plausible responses given "
        "the prompt. We show that LiPO-λ can outperform DPO and SLiC by a clear margin on two "
        "preference alignment tasks."
    ),
    "AlignGPT": (
        "We propose a new multimodal large language model AlignGPT. Extensive experimental "
        "results show that our model achieves competitive performance on 12 benchmarks."
    ),
    "Aligning to Th": (
        "We propose a new paradigm where users specify what they value most within the system "
        "message, steering the LLM's generation behavior to better align with the user's "
        "intentions. Janus achieves tie+win rate of 75.2%, 72.4%, and 66.4% against Mistral "
        "7B Instruct v0.2, GPT-3.5 Turbo, and GPT-4, respectively."
    ),
    "TRACE": (
        "In this paper, we introduce TRACE, a novel benchmark designed to evaluate continual "
        "learning in LLMs. The accuracy of llama2-chat 13B on gsm8k dataset declined "
        "precipitously from 28.8% to 2% after training on our datasets."
    ),
    "NLoRA": (
        "We first introduce StructuredLoRA (SLoRA), which investigates adding a small "
        "intermediate matrix between the low-rank matrices A and B. On GSM8K, SLoRA and NLoRA "
        "achieve accuracies of 56.48% and 57.70%, surpassing LoRA by 33.52% and 36.41%, with "
        "only 3.67 million additional trainable parameters."
    ),
    "CIF-Bench": (
        "We introduce the Chinese Instruction-Following Benchmark (CIF-Bench), designed to "
        "evaluate the zero-shot generalizability of LLMs to the Chinese language. Our "
        "evaluation of 28 selected LLMs reveals a noticeable performance gap, with the best "
        "model scoring only 52.9%, highlighting the limitations of LLMs in less familiar "
        "language and task contexts."
    ),
}


@pytest.mark.parametrize("title", GOLDEN)
def test_the_gists_of_the_saved_page_are_those_that_were_looked_at(title: str) -> None:
    """Twelve papers, as their readers see them."""
    (paper,) = (one for one in seed_papers() if one.title.startswith(title))
    assert gist(to_unicode(paper.abstract)) == GOLDEN[title]
