import threading

from kukkiri.inference.twins import Twins


def test_each_twin_is_made_once_even_by_several_threads():
    twins, made = Twins(), []

    def make():
        made.append(object())
        return made[-1]

    found = []
    threads = [threading.Thread(target=lambda: found.append(twins.find("photo", 2, make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert all(twin is made[0] for twin in found)
    assert twins.find("photo", None, make) is made[1]
    assert twins.find("noisy", 2, make) is made[2]
