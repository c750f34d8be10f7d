# SPDX-License-Identifier: Apache-2.0
"""The Python package against libergon, with a recording of 100 W played back."""
import os
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import ergon  # noqa: E402


class Regions(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.file.write("time_s,package-0:energy_j,package-0/dram:energy_j\n0,0,0\n1000,100000,5000\n")
        self.file.flush()
        self.meter = ergon.Meter(f"replay:{self.file.name}", interval_s=0.01)

    def tearDown(self):
        self.meter.close()
        self.file.close()

    def test_energy_is_power_times_time(self):
        with self.meter.measure("sleep") as m:
            self.assertIsNone(m.energy_j)
            time.sleep(0.2)
        self.assertGreater(m.duration_s, 0.19)
        self.assertAlmostEqual(m.domains["package-0"]["energy_j"], 100 * m.duration_s,
                               delta=0.01 * 100 * m.duration_s)
        self.assertAlmostEqual(m.energy_j, 105 * m.duration_s, delta=0.01 * 105 * m.duration_s)
        self.assertLessEqual(m.low_j, m.energy_j)
        self.assertIn("sleep", repr(m))

    def test_regions_nest(self):
        with self.meter.measure("outer") as outer:
            time.sleep(0.05)
            with self.meter.measure("inner") as inner:
                time.sleep(0.05)
        self.assertLess(inner.energy_j, outer.energy_j)
        self.assertLess(inner.duration_s, outer.duration_s)

    def test_threads(self):
        results = []

        def work():
            for _ in range(20):
                with self.meter.measure() as m:
                    time.sleep(0.001)
                results.append(m)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 80)
        for m in results:
            self.assertAlmostEqual(m.energy_j, 105 * m.duration_s, delta=0.05)

    def test_an_exception_passes_and_the_region_ends(self):
        with self.assertRaises(ValueError):
            with self.meter.measure() as m:
                raise ValueError
        self.assertIsNotNone(m.energy_j)

    def test_errors_are_told(self):
        with self.assertRaisesRegex(ergon.Error, "no sensor 'rapl_powercp'"):
            ergon.Meter("rapl_powercp")
        self.meter.close()
        with self.assertRaisesRegex(ergon.Error, "closed"):
            with self.meter.measure():
                pass


class Default(unittest.TestCase):
    def test_measured(self):
        @ergon.measured
        def work(n):
            return sum(range(n))

        self.assertEqual(work(1000), 499500)
        self.assertGreaterEqual(work.energy.duration_s, 0)
        self.assertIn("work", work.energy.name)
        with ergon.measure("block") as m:
            time.sleep(0.05)
        self.assertIsNotNone(m.provenance)
        self.assertGreater(m.duration_s, 0.04)


if __name__ == "__main__":
    unittest.main()
