# Every target is one line and one script; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help up setup demo demo-remove doctor test check fix protocol lock simulate simulate-long simulate-mutants bench bench-chat bench-disk bench-erasure bench-app bench-meet bench-media bench-network drill network clean

help: ## diese Liste / this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

up: ## alles einrichten und starten / set everything up and start
	@scripts/up

setup: ## nur einrichten / only set up
	@scripts/setup up

demo: ## eine Beispielfirma zeigen, auf einem Port für sich / show a demo firm, on a port of its own
	@scripts/up demo

demo-remove: ## die Beispielfirma wieder entfernen / remove the demo firm
	@scripts/verbund demo remove

doctor: ## prüfen, was fehlt / check what is missing
	@scripts/verbund doctor

test: ## alle Tests, auch im Browser / all tests, in browsers too
	@scripts/test

check: ## was vor jedem Beitrag hält, in Minuten / what every change must pass, in minutes
	@scripts/check

fix: ## Form und Erzeugtes auffrischen / format, regenerate
	@scripts/fix

protocol: ## protocol/ neu erzeugen / regenerate protocol/
	@scripts/verbund protocol

lock: ## Versionen neu festschreiben / pin the versions anew
	@scripts/lock

simulate: ## drei Anbieter, zweitausend Läufe voller Unfälle / the seeded simulator
	@scripts/python -m tests.simulation

simulate-long: ## dasselbe, zehntausend Läufe / the same, ten thousand schedules
	@scripts/python -m tests.simulation --schedules 10000

simulate-mutants: ## findet der Simulator eingebaute Fehler? / does the simulator find faults that were put in?
	@scripts/python -m tests.simulation --mutants

bench: bench-chat bench-disk bench-erasure bench-app bench-meet bench-media bench-network ## alle Messungen / all benchmarks

bench-chat: ## Messung: Nachrichten / benchmark: messages
	@scripts/setup test && scripts/peers && scripts/python -m bench.chat

bench-disk: ## Messung: was eine Nachricht an Platz braucht / benchmark: what a message takes of the disk
	@scripts/python -m bench.disk

bench-erasure: ## Messung: Löschungen bei zwei Anbietern / benchmark: erasures at two providers
	@scripts/python -m bench.erasure

bench-app: ## Messung: die Oberfläche / benchmark: the app
	@scripts/python -m bench.app

bench-meet: ## Messung: Videoanrufe / benchmark: video calls
	@scripts/python -m bench.meet

bench-media: ## Messung: Filme / benchmark: films
	@scripts/python -m bench.media

bench-network: ## Messung: zwei Anbieter / benchmark: two providers
	@scripts/python -m bench.network

drill: ## Übung: Anbieter sterben, schweigen, kommen wieder / drill: providers die, fall silent, come back
	@scripts/network && scripts/python -m bench.drill

network: ## drei Anbieter, jeder in einem Netz für sich / three providers, each on a network of its own
	@scripts/network && scripts/python -m bench.town

clean: ## Erzeugtes löschen, die Daten bleiben / remove what was made, data stays
	@rm -rf .venv .build app/node_modules app/build app/.svelte-kit
