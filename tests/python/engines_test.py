"""The recipes of docs/corpora.md, each run by the engine itself: the evidence root and the result files of one thread, byte for byte.

Engines that are not installed are skipped with a message: PyPI and Debian have them (run.py engines, tools/setup.sh)."""

import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import corpora
from corpora import TOOL, results, run_tool, scan, unit_files
from verdigris.corpus import Config, ScanStep, UnitScanner, load_units, scan_table, scan_table_arrow, scan_units_arrow, scan_units_json, start_table

FOLDER = CONFIG = None


def setUpModule():
    global FOLDER, CONFIG, ROWS, WANTED
    FOLDER = pathlib.Path(unittest.enterModuleContext(tempfile.TemporaryDirectory()))
    corpora.make_keys(FOLDER)
    ROWS = corpora.texts(FOLDER, 240)
    corpora.write_corpus(FOLDER / "corpus", ROWS)
    scan(FOLDER, "whole", "--threads", 1, status=3)  # one input is damaged
    run_tool("merge", FOLDER / "whole", "-o", FOLDER / "wanted")
    WANTED = results(FOLDER / "wanted")
    scan(FOLDER, "run", "-n")
    CONFIG = Config(run=FOLDER / "run", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model")


def needs(*modules, programs=()):
    missing = [name for name in modules if importlib.util.find_spec(name) is None] + [name for name in programs if shutil.which(name) is None]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def fresh_run(name):
    """A copy of the run that scan -n made, to be worked in."""
    shutil.copytree(FOLDER / "run", FOLDER / name)
    return FOLDER / name


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.3)


class Engine(unittest.TestCase):
    def check(self, *sources, name):
        """Merged, they are what one thread gave."""
        run_tool("merge", *sources, "-o", FOLDER / f"{name}-out")
        self.assertEqual(results(FOLDER / f"{name}-out"), WANTED)

    def check_rows(self, rows, name):
        self.check(FOLDER / "run", "--rows", rows, name=name)

    def as_lines(self, rows, name):
        """Parquet as the JSON lines that merge reads."""
        lines = subprocess.run([sys.executable, "-m", "verdigris.corpus", rows], check=True, capture_output=True).stdout
        (FOLDER / f"{name}.jsonl").write_bytes(lines)
        return FOLDER / f"{name}.jsonl"


class Shell(Engine):
    @needs(programs=["parallel"])
    def test_gnu_parallel(self):
        run = fresh_run("parallel")
        subprocess.run(f"seq 0 6 | parallel --will-cite -j2 {TOOL} scan --key {FOLDER}/k.key --tokenizer {FOLDER}/t.model -o {run} --shard {{}}/7",
                       shell=True, capture_output=True)
        self.assertEqual(unit_files(run), unit_files(FOLDER / "whole"))
        self.check(run, name="parallel")

    @needs(programs=["sbatch", "slurmctld", "slurmd", "munged", "mungekey"])
    def test_slurm(self):
        if os.geteuid() != 0:
            self.skipTest("slurmd takes root")
        run = fresh_run("slurm")
        with Slurm() as slurm:
            job = slurm("sbatch", "--parsable", "--array=0-7", "--output=/dev/null", "--wrap",
                        f"{TOOL} scan --key {FOLDER}/k.key --tokenizer {FOLDER}/t.model -o {run} --shard $SLURM_ARRAY_TASK_ID/8").strip()
            until(lambda: slurm("squeue", "--noheader", "--jobs", job) == "", 300, "the end of the array")
        nodes = {json.loads(line)["pid"] for line in (run / "log.jsonl").read_text().splitlines()}
        self.assertEqual(len(nodes), 8)  # processes
        self.assertEqual(unit_files(run), unit_files(FOLDER / "whole"))
        self.check(run, name="slurm")


class Slurm:
    """Two nodes of one core each, on this machine alone."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slurm"))
        self.folder.chmod(0o755)  # munged looks
        (self.folder / "state").mkdir()
        conf, host = self.folder / "slurm.conf", socket.gethostname().split(".")[0]
        conf.write_text(f"""ClusterName=verdigris
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={free_port()}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
ReturnToService=2
MpiDefault=none
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool-%n
SlurmdPidFile={self.folder}/slurmd-%n.pid
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=10 State=UP
""")
        self.environment = dict(os.environ, SLURM_CONF=str(conf))
        self.processes = []
        subprocess.run(["mungekey", "--create", "--keyfile", self.folder / "munge.key"], check=True)
        self.start("munged", "--foreground", "--force", "--key-file", self.folder / "munge.key", "--socket", self.folder / "munge.socket", "--pid-file",
                   self.folder / "munged.pid", "--log-file", self.folder / "munged.log", "--seed-file", self.folder / "munged.seed")
        until((self.folder / "munge.socket").exists, 60, "munged")
        self.start("slurmctld", "-D", "-f", conf)
        for node in ("n1", "n2"):
            self.start("slurmd", "-D", "-N", node, "-f", conf)
        until(lambda: self("sinfo", "--noheader", "--Node", "--format", "%t").split() == ["idle", "idle"], 120, "both nodes")
        return self

    def start(self, *command):
        self.processes.append(subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def __call__(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(60)
        shutil.rmtree(self.folder)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@needs("pyspark", "pyarrow", "pandas", programs=["java"])
class Spark(Engine):
    @classmethod
    def setUpClass(cls):
        from pyspark.sql import SparkSession

        os.environ["PYSPARK_PYTHON"] = sys.executable
        (FOLDER / "events").mkdir()
        settings = {"spark.python.worker.reuse": "true", "spark.executor.pyspark.memory": "1g", "spark.sql.execution.arrow.maxRecordsPerBatch": "16",
                    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
                    "spark.ui.showConsoleProgress": "false",
                    "spark.local.dir": FOLDER / "spark", "spark.sql.warehouse.dir": FOLDER / "warehouse", "spark.network.timeout": "600s",
                    "spark.eventLog.enabled": "true", "spark.eventLog.compress": "false", "spark.eventLog.dir": (FOLDER / "events").as_uri()}
        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("verdigris")
        for name, value in settings.items():
            builder = builder.config(name, str(value))
        before = os.getcwd()
        os.chdir(FOLDER)  # where its workers keep what they are sent
        cls.spark = builder.getOrCreate()
        os.chdir(before)
        cls.spark.sparkContext.setLogLevel("OFF")
        cls.addClassCleanup(cls.spark.stop)

    def test_map_in_arrow(self):
        units = load_units(FOLDER / "run" / "units.jsonl")
        df = self.spark.createDataFrame([(unit,) for unit in units], "unit string").repartition(len(units))
        df.mapInArrow(scan_units_arrow(CONFIG), "unit_id string, body binary").write.parquet(str(FOLDER / "spark-rows"))
        self.check_rows(self.as_lines(FOLDER / "spark-rows", "spark"), "spark")

    def test_map_partitions_as_json_lines(self):
        units, config = load_units(FOLDER / "run" / "units.jsonl"), CONFIG
        self.spark.sparkContext.parallelize(units, len(units)).mapPartitions(lambda it: scan_units_json(it, config)).saveAsTextFile(
            str(FOLDER / "spark-lines"))
        self.check_rows(FOLDER / "spark-lines", "spark-lines")

    def test_a_table(self):
        from pyspark.sql import functions

        start_table(FOLDER / "table", "reviews", 4, profile=FOLDER / "p.json", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model", group_by="field:site")
        config = Config(run=FOLDER / "table", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model")
        df = self.spark.createDataFrame(ROWS, "id string, site string, text string").withColumn("segment", functions.expr("crc32(id) % 4"))
        rows = df.groupBy("segment").applyInArrow(scan_table_arrow(config), "unit_id string, body binary").collect()
        segments = [[dict(zip(("id", "site", "text"), row)) for row in ROWS if zlib.crc32(row[0].encode()) % 4 == segment] for segment in range(4)]
        self.assertEqual({row.unit_id: bytes(row.body) for row in rows}, dict(scan_table(segment, config) for segment in segments))
        lines = df.rdd.map(lambda row: (row.segment, row)).groupByKey(4).map(lambda pair: scan_table(pair[1], config)).collect()
        self.assertEqual({unit_id: bytes(body) for unit_id, body in lines}, {row.unit_id: bytes(row.body) for row in rows})

    def test_zz_no_key_in_the_event_log(self):
        logged = b"".join(path.read_bytes() for path in (FOLDER / "events").rglob("*") if path.is_file())
        self.assertIn(b"SparkListenerTaskEnd", logged)
        for secret in corpora.secrets(FOLDER):
            self.assertNotIn(secret, logged)


@needs("ray", "pyarrow", "pandas")
class Ray(Engine):
    def test_map_batches(self):
        import ray
        import ray.data

        ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=200 << 20, logging_level="error",
                 log_to_driver=False)
        self.addCleanup(ray.shutdown)
        ray.data.DataContext.get_current().enable_progress_bars = False
        units = load_units(FOLDER / "run" / "units.jsonl")
        ray.data.from_items([{"unit": unit} for unit in units]).map_batches(
            UnitScanner, fn_constructor_args=(CONFIG,), batch_format="pyarrow", batch_size=1, concurrency=2).write_parquet(str(FOLDER / "ray-rows"))
        self.check_rows(self.as_lines(FOLDER / "ray-rows", "ray"), "ray")


@needs("datatrove")
class Datatrove(Engine):
    def test_scan_step_is_a_pipeline(self):
        from datatrove.executor import LocalPipelineExecutor

        run = fresh_run("datatrove")
        config = Config(run=run, keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model")
        LocalPipelineExecutor(pipeline=[ScanStep(config)], tasks=3, workers=2, logging_dir=str(FOLDER / "datatrove-logs")).run()
        self.assertEqual(unit_files(run), unit_files(FOLDER / "whole"))
        self.check(run, name="datatrove")


class Arrow(unittest.TestCase):
    """Data of Arrow libraries as they are; every type by hand is in corpus_test.py."""

    @classmethod
    def setUpClass(cls):
        start_table(FOLDER / "arrow", "reviews", 1, profile=FOLDER / "p.json", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model", group_by="field:site")
        cls.config = Config(run=FOLDER / "arrow", keys=[FOLDER / "k.key"], tokenizer=FOLDER / "t.model")
        cls.wanted = scan_table([dict(zip(("id", "site", "text"), row)) for row in ROWS], cls.config)

    @needs("pyarrow")
    def test_pyarrow(self):
        import pyarrow

        types = [pyarrow.string(), pyarrow.large_string(), pyarrow.string_view(), pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary_view(),
                 pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), pyarrow.dictionary(pyarrow.uint32(), pyarrow.large_string())]
        columns = list(zip(*ROWS))
        for kind in types:
            with self.subTest(str(kind)):
                wide = pyarrow.dictionary(pyarrow.int32(), kind.value_type) if pyarrow.types.is_dictionary(kind) else kind
                table = pyarrow.table({"id": pyarrow.array(columns[0]), "site": pyarrow.array(columns[1]).cast(kind), "text": pyarrow.array(columns[2]).cast(wide)})
                parts = pyarrow.concat_tables([table.slice(100), table.slice(0, 100)])
                self.assertEqual(scan_table(parts, self.config), self.wanted)
                self.assertEqual(scan_table(iter(parts.to_batches(max_chunksize=17)), self.config), self.wanted)

    @needs("polars")
    def test_polars(self):
        import polars

        frame = polars.DataFrame(ROWS, schema=["id", "site", "text"], orient="row")
        self.assertEqual(scan_table(frame, self.config), self.wanted)
        self.assertEqual(scan_table(frame.with_columns(polars.col("site").cast(polars.Categorical)), self.config), self.wanted)


if __name__ == "__main__":
    unittest.main()
