"""`python -m tests.acceptance` writes the table of signalling/README.md anew and says how many cases stand."""

from __future__ import annotations

from collections import Counter

from tests.acceptance import BEGIN, END, TESTS, cases, outcome_of, proofs, read_results, table


def main() -> None:
    readme = TESTS.parent / "signalling" / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    found, results = proofs(), read_results()
    readme.write_text(before + BEGIN + table(found, results) + END + after, encoding="utf-8")
    count = Counter(outcome_of([proof.test for proof in found if proof.id == case], results) for case in cases())
    print(", ".join(f"{number} {word}" for word, number in count.most_common()))


if __name__ == "__main__":
    main()
