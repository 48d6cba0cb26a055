"""Commands that an agent runs all day, none of which anybody has to be asked about."""

_LINES = r"""
ls
ls -la src tests
pwd
cat README.md
head -n 50 src/main.py
tail -f log.txt
wc -l src/*.py
find . -name '*.ts' -not -path './node_modules/*'
find src -type f -exec wc -l {} +
find . -name '*.py' -newer x -exec grep -l import {} \; -exec echo {} \;
grep -rn "TODO" src | head -20
grep -c bash -c file
rg -n 'def \w+\(' --type py
rg --files | sort | uniq -c
fd -e py
fd -e py -x wc -l
git status --short
git diff --stat HEAD~1
git log --oneline -n 10 --graph
git add -A && git commit -m "Fix the parser; handle $(x) and `y`"
git commit -am 'wip: `rm -rf` in docs'
git checkout -b feature/x
git switch main
git pull --rebase origin main
git fetch --all --prune
git push -u origin feature/x
git stash push -m wip
git blame src/a.py | head
git rebase --continue
git cherry-pick abc123
git bisect run pytest -x
git submodule foreach git status
GIT_PAGER=cat git log -3
PAGER=less man git
EDITOR=true git commit --amend
GIT_EDITOR=: git rebase -i HEAD~2
git -c user.name=x -c user.email=y commit -m z
git worktree add ../x main
git tag v1.0 && git push origin v1.0
python -m pytest tests -q -k 'not slow'
python -m venv .venv && . .venv/bin/activate && pip install -e .
source .venv/bin/activate
python3 manage.py migrate
grep -rn TODO ~/.hermes/skills
grep x ~/.hermes
ls -la ~/.ssh ~/.hermes
du -sh ~/.hermes
cp -r ~/.hermes/skills/mail backup
tar czf config.tgz ~/.config/nvim
rsync -a src/ host:src/
sqlite3 x.db .schema
sqlite3 x.db '.show'
sqlite3 x.db "select name || '|' || id from t"
sqlite3 -header x.db 'select 1' | head
psql -c 'select 1' -o out.txt
mysql -e 'select system from t'
gdb -batch -ex run -ex bt ./app
less +G x
git config user.name me
git config --get core.pager
git config --list
git config core.autocrlf input
dc -e '2 3 + p'
screen -ls
tmux ls
sed -e 's/a/b/' -e 's/e /c/' x
patch -p1 < x.diff
gcc -O2 -o build/app src/app.c
gcc -o app x.c -L/usr/lib
find . -name '*.c' -fprint names.txt
wget -P downloads https://x/y
sed 's/how we/why we/' notes.txt
awk '$3 > 5 {print $1 > "out.txt"}' data.csv
openssl x509 -in cert.pem -noout -text
gpg --verify x.sig
python3.11 -m pytest -x
python3.12 manage.py check -c x
python3-config --cflags
R CMD build .
julia run.jl -e x
pip3.11 install x
python script.py --count 3 $(date +%s)
PYTHONPATH=src python -m app --debug
uv run pytest -x
uv pip install requests
uv run --with rich python app.py
poetry run pytest
poetry install
pip install -U pip setuptools
pip freeze > requirements.txt
npm ci
npm run build -- --watch
npm test -- --coverage
npx tsc --noEmit
npx -y create-vite app
npx prettier --write src
yarn add lodash
pnpm -r build
node --test
NODE_OPTIONS=--max-old-space-size=4096 npm run build
NODE_ENV=production node server.js
ENV=test make check
cargo build --release
cargo run -- --help
cargo test -- --nocapture
go test ./...
go build -o bin/app ./cmd/app
make -j8 all
make -f Makefile.ci test
make -C sub CC=clang
cmake -B build -S . && cmake --build build
./configure --prefix=/usr/local && make
./gradlew build
mvn -q package
docker compose up -d
docker compose logs -f web
docker exec web ls /app
docker exec -i db psql -U me -c 'select 1'
docker run --rm -it -v data:/x alpine ls
kubectl get pods -n x
kubectl logs deploy/x -f
kubectl apply -f x.yaml
terraform plan
curl -fsSL https://example.com/api | jq '.items[] | .name'
curl -X POST -H 'Content-Type: application/json' -d '{"a": 1}' http://localhost:8000/x
wget -q https://example.com/x.tar.gz && tar xzf x.tar.gz
tar czf out.tgz --exclude=.git .
tar -xf a.tar.xz -C out
zip -r out.zip src
unzip -o a.zip -d out
rsync -avz src/ host:dst/
scp a.txt host:/tmp/
ssh host 'df -h; uptime'
ssh -i key -p 2222 u@h ls -la
sed -n '1,20p' file
sed -i 's/foo/bar/g' src/a.py
sed 's/one/two/' f > g
sed -e 's|/old/path|/new/path|g' -e '/^$/d' f
sed -E 's/([a-z]+)e/\1/g' names.txt
sed '/start/,/end/d' f
sed -i '' -e 's/age/edge/' f
awk -F, '{sum += $2} END {print sum}' data.csv
awk '$1 > 5 {print $2}' f
sort -u a | comm -12 - b
cut -d: -f1 /etc/passwd
tr a-z A-Z < in > out
xargs -n1 echo < list
cat list | xargs -I{} cp {} backup/
ls | parallel gzip
echo "a b" | tee -a notes.txt
printf '[%s] %s\n' "$(date)" done
printf '%s\n' "${items[@]}"
echo "[$(date +%F)] started" >> run.txt
echo "$((count + 1)) of ${#items[@]}"
let 'next=items[$((index + 1))]'
for f in *.png; do convert "$f" "${f%.png}.jpg"; done
for i in $(seq 1 5); do echo "$i"; sleep 1; done
while ! nc -z localhost 5432; do sleep 1; done
until curl -sf http://localhost:8000/health; do sleep 2; done
if command -v rg >/dev/null 2>&1; then rg x; else grep -r x .; fi
[ -f .nvmrc ] && nvm use
[[ -z "${CI:-}" ]] || echo ci
test -n "$HOME" && echo "$HOME"
export PATH="$HOME/bin:$PATH"
export API_URL=http://localhost
unset FOO
read -r line < file
mapfile -t lines < file
x=(1 2 3); echo "${x[1]}"
log() { echo "[$(date)] $*"; }; log hi
greet() { local name="$1"; echo "hi $name"; }; greet you
trap 'echo bye' EXIT
cat > notes.md <<'E'¶rm -rf /¶E
cat <<E >> settings.py¶A = 1¶E
diff -u a b > x.patch
patch -p1 < x.patch
chmod +x scripts/*.sh
chmod 600 key.pem
ln -s ../x y
mkdir -p a/{b,c}/d
cp -r src dst
mv old.txt new.txt
rm tmp.txt
touch a b c
du -sh * | sort -h
df -h
free -m
ps aux | grep -v grep | grep node
top -b -n 1 | head
lsof -i :8080
ss -ltnp
kill 4242
kill -TERM 4242
sleep 1 & wait
nohup npm start > out.log 2>&1 &
timeout 60 npm test
time make
nice -n 10 make
stdbuf -oL ./run | tee log
env | sort
env FOO=1 BAR=2 ./run
sudo apt-get update
sudo apt-get install -y jq
brew install jq
systemctl status nginx
journalctl -u nginx -n 50
crontab -l
sqlite3 app.db '.tables'
psql -d app -c 'SELECT count(*) FROM users WHERE active'
redis-cli ping
openssl rand -hex 16
base64 -d x.b64 > x.bin
sha256sum x | cut -c1-8
date -u +%FT%TZ
which -a python3
type git
man -k zip
tmux new -d -s work
tmux ls
tmux send-keys -t work 'npm start' Enter
vim --version
ed --version
jq -r '.a' <<< "$json"
bc <<< '2^10'
bash -n script.sh
bash -c 'echo hi; ls'
sh ./scripts/setup.sh
bash scripts/build.sh --fast
./scripts/deploy.sh staging
ffmpeg -i a.mov -c:v libx264 b.mp4
pandoc a.md -o a.pdf
code .
open index.html
hermes status
gh pr list
gh pr create --fill
aws s3 ls
gcloud config list
perf stat ls
strace -c ls
gdb --version
valgrind ./a.out
watch -n 5 df -h
entr -r make < files
hyperfine 'python a.py'
ls -- -x
git checkout -- src/a.py
git mv a b
git grep -n foo -- '*.py'
mypy --strict src && ruff check . && ruff format --check .
echo 'Привет, мир' > hello.txt
echo "naïve café — “quoted” … 日本語"
git commit -m 'Größe geändert, jetzt richtig'
"""

EVERYDAY = [line.replace("¶", "\n") for line in _LINES.strip().splitlines()]
"""¶ stands for the end of a line."""
