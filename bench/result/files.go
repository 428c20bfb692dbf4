package result

// The files of a run, in its folder.
const (
	ResultsFile   = "results.json"
	ManifestFile  = "manifest.json"
	JournalFile   = "requests.jsonl"
	ReportFile    = "report.md"
	PageFile      = "report.html"
	ProseFile     = "prose.json" // what the model chose for the report
	TelemetryFile = "telemetry.jsonl"
	LogFile       = "engine.log"
	TunedFile     = "tuned.yaml"   // the settings that a search found
	MarkerFile    = "running.json" // says which scenario runs
	CrashFile     = "crash.log"    // gets what can be written in a crash
)
